"""What comes of the values: the link, the command and the parameter file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from ecs_cd_templates import BUILD_STEPS, ENVIRONMENTS
from ecs_cd_templates.catalog import RenderSettings
from ecs_cd_templates.cfn.partitions import PARTITIONS
from ecs_cd_templates.cfn.regions import partition_of
from ecs_cd_templates.launch.bundle import Folder, publication
from ecs_cd_templates.launch.quick_create import launch_command, quick_create, stack_name
from ecs_cd_templates.page import PageSettings
from ecs_cd_templates.settings import PipelineSettings
from ecs_cd_templates.texts import LANGUAGES, words
from support import branch_of, parameters, replace_catalogue

from .conftest import LaunchPages
from .reading import (
    address,
    command_parameters,
    command_words,
    decoded,
    error,
    file_parameters,
    fill,
    link_parameters,
    load,
    rows,
)
from .synthetic import NAME, VALUES, build
from .test_form import PUBLISHED, TEMPLATES

HOSTILE = [
    "plain",
    " spaces at both ends ",
    "\"double\" and 'single' quotes",
    "'",
    "&amp; & ampersands&param_Other=1",
    "100% %41 %zz",
    "a+b=c",
    "#fragment?query",
    "</script><script>throw new Error('run')</script><img src=x onerror=throw>",
    "<!--",
    "$(touch /tmp/pwned) `id` ${HOME} !! \\ \\n ; | > < *",
    "\u65e5\u672c\u8a9e \u00fc \U0001f600 \u202e \u2028",
    "(parentheses) *stars* ~tilde~ !bang!",
    '{\n  "pasted": "JSON",\n\t"with": "lines"\n}\n',
    "-leading-hyphen",
    "file:///etc/passwd",
    "\x7f\x01 control",
]


@pytest.fixture
def synthetic(launch_page: LaunchPages, monkeypatch: pytest.MonkeyPatch) -> Page:
    replace_catalogue(monkeypatch, {NAME: build})
    page = launch_page()
    fill(page, VALUES)
    return page


def _folder(page: Page) -> Folder:
    bucket, region, prefix = (page.input_value(f"#w-{one}") for one in ("bucket", "bucketRegion", "prefix"))
    return Folder(bucket=bucket, region=region, prefix=prefix)


def _expected_command(name: str, template: dict[str, Any], page: Page, size: int, values: dict[str, str]) -> str:
    """The same for the command."""
    asked = template["Parameters"]
    return launch_command(
        template_file=f"templates/{name}",
        template_url=_folder(page).url(name),
        template=template,
        size=size,
        region=page.input_value("#w-region"),
        stack_name=page.input_value("#w-stackName"),
        values={key: value for key, value in values.items() if value or asked[key].get("Default") != ""},
    )


def _expected_link(name: str, template: dict[str, Any], page: Page, region: str, values: dict[str, str]) -> str:
    """What Python makes of the same values; the page leaves out blanks that are blank anyway."""
    given = {key: value for key, value in values.items() if value or template["Parameters"][key].get("Default")}
    return quick_create(
        template_url=_folder(page).url(name),
        template=template,
        region=region,
        partition=partition_of(region),
        stack_name=page.input_value("#w-stackName"),
        values=given,
    ).address


@pytest.mark.parametrize("value", HOSTILE)
def test_link_command_and_file_carry_exactly_what_was_typed(synthetic: Page, value: str) -> None:
    fill(synthetic, {"Anything": value})
    expected = VALUES | {"Anything": value}
    assert link_parameters(address(synthetic)) == expected
    assert command_parameters(synthetic) == expected
    assert file_parameters(synthetic) == expected
    assert synthetic.inner_text("#notes") == ""
    template = build().to_dict()
    assert address(synthetic) == _expected_link(NAME, template, synthetic, "eu-west-1", expected)
    assert synthetic.evaluate("command()") == _expected_command(NAME, template, synthetic, 0, expected)


# Where the template is too large to be sent as it is, the values are in another form.
@pytest.mark.parametrize("value", HOSTILE)
def test_the_command_for_a_large_template_carries_exactly_what_was_typed(synthetic: Page, value: str) -> None:
    size = 51_201
    synthetic.evaluate("size => { template().size = size; refresh(); }", size)
    fill(synthetic, {"Anything": value})
    expected = VALUES | {"Anything": value}
    assert command_parameters(synthetic) == expected
    assert synthetic.evaluate("command()") == _expected_command(NAME, build().to_dict(), synthetic, size, expected)


@pytest.mark.parametrize("name", TEMPLATES)
def test_link_and_command_are_those_of_the_command_line(launch_page: LaunchPages, name: str) -> None:
    page = launch_page(template=name)
    template = TEMPLATES[name]
    fill(page, parameters(name))
    defaults = {key: str(each.get("Default", "")) for key, each in template["Parameters"].items()}
    values = defaults | parameters(name)
    assert decoded(address(page)) == {
        "templateURL": f"{PUBLISHED.url}/{name}",
        "stackName": stack_name(name),
        **{f"param_{key}": value for key, value in values.items() if value or defaults[key]},
    }
    assert address(page) == _expected_link(name, template, page, "eu-west-1", values)
    size = len(PUBLISHED.files[name])
    assert page.evaluate("command()") == _expected_command(name, template, page, size, values)
    assert file_parameters(page) == values


@pytest.mark.parametrize("region", ["us-east-1", "cn-north-1", "us-gov-west-1"])
def test_link_opens_the_console_of_the_partition(launch_page: LaunchPages, region: str) -> None:
    name = "code-build-nodejs.yaml"
    page = launch_page(PageSettings(bucket="my-templates", region=region, prefix="it's/(a)"), template=name)
    fill(page, parameters(name))
    partition = PARTITIONS[partition_of(region)]
    console = f"https://{region}.{partition.console_domain}/cloudformation/home?region={region}#"
    assert address(page).startswith(console)
    url = decoded(address(page))["templateURL"]
    assert url.startswith(f"https://my-templates.s3.{region}.{partition.url_suffix}/it%27s/%28a%29/")
    assert address(page) == _expected_link(name, TEMPLATES[name], page, region, parameters(name))
    assert page.get_attribute("#launch", "target") == "_blank"
    assert "noopener" in (page.get_attribute("#launch", "rel") or "")


def test_bucket_may_be_in_another_region_of_the_partition(launch_page: LaunchPages) -> None:
    name = "code-build-nodejs.yaml"
    page = launch_page(template=name)
    fill(page, parameters(name))
    page.select_option("#w-region", "ap-northeast-1")
    assert address(page).startswith("https://ap-northeast-1.console.aws.amazon.com/")
    assert ".s3.eu-west-1.amazonaws.com/" in decoded(address(page))["templateURL"]
    page.select_option("#w-bucketRegion", "")
    assert ".s3.ap-northeast-1.amazonaws.com/" in decoded(address(page))["templateURL"]


def test_without_a_region_one_has_to_be_chosen(launch_page: LaunchPages) -> None:
    name = "code-build-nodejs.yaml"
    page = launch_page(PageSettings(bucket="my-templates"), template=name)
    fill(page, parameters(name))
    assert page.inner_text("#status") == "Not ready to launch. To fill in: 1."
    page.click("#first-problem")
    assert page.evaluate("document.activeElement.id") == "w-region"
    assert page.inner_text("#w-region-error").strip() == "Choose a region."
    page.select_option("#w-region", "eu-central-1")
    assert ".s3.eu-central-1." in decoded(address(page))["templateURL"]


def test_blank_is_left_out_only_where_it_is_the_default(synthetic: Page) -> None:
    fill(synthetic, {"Anything": ""})
    assert "Anything" not in link_parameters(address(synthetic))
    assert "Anything" not in command_parameters(synthetic)
    assert file_parameters(synthetic)["Anything"] == ""
    fill(synthetic, {"Anything": "x", "Defaulted": ""})
    assert link_parameters(address(synthetic))["Defaulted"] == ""
    assert command_parameters(synthetic)["Defaulted"] == ""
    assert "Defaulted is blank here" in synthetic.inner_text("#notes")


def test_what_makes_the_address_too_long_is_left_out_and_said_so(synthetic: Page) -> None:
    fill(synthetic, {"Anything": "\u65e5" * 1000, "Defaulted": "d" * 4000})
    expected = VALUES | {"Anything": "\u65e5" * 1000, "Defaulted": "d" * 4000}
    assert address(synthetic) == _expected_link(NAME, build().to_dict(), synthetic, "eu-west-1", expected)
    assert "Anything" not in link_parameters(address(synthetic))
    assert "Anything is not in the link" in synthetic.inner_text("#notes")
    assert command_parameters(synthetic) == expected


def test_all_follows_each_key(launch_page: LaunchPages) -> None:
    name = "code-build-nodejs.yaml"
    page = launch_page(template=name)
    fill(page, parameters(name))
    page.fill("#p-CodeBuildProjectName", "ab")
    for typed in ("abc", "abcd"):
        page.locator("#p-CodeBuildProjectName").press("End")
        page.keyboard.type(typed[-1])
        assert link_parameters(address(page))["CodeBuildProjectName"] == typed
        assert command_parameters(page)["CodeBuildProjectName"] == typed
        assert file_parameters(page)["CodeBuildProjectName"] == typed


def test_command_names_the_capability_and_reads_from_the_bucket_where_needed(launch_page: LaunchPages) -> None:
    page = launch_page()
    # The AWS CLI's deploy takes no bucket of another region, which this is.
    page.select_option("#w-region", "ap-northeast-1")
    sizes = {name: len(text) for name, text in PUBLISHED.files.items()}
    for name, template in TEMPLATES.items():
        page.select_option("#w-template", name)
        words = command_words(page)
        roles = any(resource["Type"].startswith("AWS::IAM::") for resource in template["Resources"].values())
        assert ("CAPABILITY_NAMED_IAM" in words) == roles
        if sizes[name] > 51_200:
            assert words[words.index("--template-url") + 1] == f"{PUBLISHED.url}/{name}"
        else:
            assert words[words.index("--template-file") + 1] == f"templates/{name}"
        assert words[2] == ("create-stack" if sizes[name] > 51_200 else "deploy")
        assert "--s3-bucket" not in words


@pytest.mark.parametrize("name", ["vpc.yaml", "quick-start.yaml"])
def test_command_gives_the_stack_the_tags(launch_page: LaunchPages, name: str) -> None:
    tags = [("team", "shop"), ("cost centre", "a=b /1")]
    settings = RenderSettings(tags=tags)
    page = launch_page(PageSettings(bucket="my-templates", region="eu-west-1", templates=settings), template=name)
    expected = launch_command(
        template_file=f"templates/{name}",
        template_url=_folder(page).url(name),
        template={"Resources": {}},
        size=page.evaluate("template().size"),
        region="eu-west-1",
        stack_name=stack_name(name),
        values={},
        tags=tags,
    )
    words = expected[expected.index("--tags") :]
    assert words in page.evaluate("command()")


def test_a_command_that_reads_from_the_bucket_needs_its_region(launch_page: LaunchPages) -> None:
    page = launch_page(PageSettings(bucket="my-templates"), template="quick-start.yaml")
    assert page.input_value("#command") == ""
    page.select_option("#w-bucketRegion", "eu-west-1")
    assert "https://my-templates.s3.eu-west-1.amazonaws.com/" in page.input_value("#command")


MUTABLE = RenderSettings(pipeline=PipelineSettings(image_tag_mutability="MUTABLE"))


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        ({}, None),
        ({"templates": MUTABLE}, "page.renderSame"),
        ({"nested": True}, "page.renderNested"),
        ({"templates": MUTABLE, "nested": True}, "page.renderNested"),
    ],
)
def test_note_at_the_command_says_what_to_render(
    launch_page: LaunchPages, settings: dict[str, Any], key: str | None
) -> None:
    # A template that is launched from its file; a large one is launched from where it was published.
    page = launch_page(PageSettings(bucket="my-templates", region="eu-west-1", **settings), template="vpc.yaml")
    folder = Folder(bucket="my-templates", region="eu-west-1")
    url = publication(folder, settings.get("templates", RenderSettings()), nested="nested" in settings).url
    assert page.is_visible("#command-note") == (key is not None)
    for language in LANGUAGES:
        page.click(f"#language-{language}")
        assert page.inner_text("#command-note") == (words(language)[key].format(url=url) if key else "")
    page.select_option("#w-template", "quick-start.yaml")
    assert not page.is_visible("#command-note")


def test_note_at_the_command_follows_the_folder(launch_page: LaunchPages) -> None:
    page = launch_page(PageSettings(bucket="my-templates", nested=True), template="vpc.yaml")
    assert "--nested-base-url https://my-templates.s3.REGION.amazonaws.com/ecs-" in page.inner_text("#command-note")
    page.select_option("#w-region", "cn-north-1")
    page.fill("#w-prefix", "it's/v2/")
    url = Folder(bucket="my-templates", region="cn-north-1", prefix="it's/v2").url("x").removesuffix("/x")
    assert f" {url} " in page.inner_text("#command-note")
    assert RenderSettings(nested_base_url=url).nested_base_url == url


def test_nested_stacks_have_the_same_picture_and_regions(launch_page: LaunchPages) -> None:
    name = "deployment-pipeline-for-all-env.yaml"
    flat, nested = (
        launch_page(PageSettings(bucket="my-templates", nested=one), template=name) for one in (False, True)
    )
    for page in (flat, nested):
        fill(page, parameters(name))
        assert page.is_visible("#picture svg")
    assert _words(flat) == _words(nested)
    regions = "[...document.querySelectorAll('#w-region option')].map((one) => one.value)"
    assert flat.evaluate(regions) == nested.evaluate(regions)


@pytest.mark.parametrize("name", TEMPLATES)
def test_saved_file_is_loaded_again(launch_page: LaunchPages, name: str, tmp_path: Path) -> None:
    page = launch_page(template=name)
    fill(page, parameters(name))
    with page.expect_download() as download:
        page.click("#save")
    assert download.value.suggested_filename == f"{Path(name).stem}.json"
    download.value.save_as(tmp_path / "saved.json")
    content = (tmp_path / "saved.json").read_bytes()
    assert content.decode() == page.evaluate("parameterFile()")
    before = address(page)

    page = launch_page(template=name)
    report = load(page, content)
    assert report == f"values.json is loaded. Values taken: {len(TEMPLATES[name]['Parameters'])}."
    assert page.evaluate("parameterFile()") == content.decode()
    assert address(page) == before


def test_examples_under_params_are_loaded(launch_page: LaunchPages) -> None:
    page = launch_page()
    for name in TEMPLATES:
        page.select_option("#w-template", name)
        load(page, rows(parameters(name)))
        assert page.inner_text("#status") == "All is filled in: ready to launch."
        assert file_parameters(page) | parameters(name) == file_parameters(page)


@pytest.mark.parametrize("value", [*HOSTILE, "carriage\r\nreturn\r"])
def test_loading_changes_no_character(synthetic: Page, value: str) -> None:
    load(synthetic, rows({"Anything": value, "Length": value}))
    assert file_parameters(synthetic)["Anything"] == value
    assert file_parameters(synthetic)["Length"] == value
    assert synthetic.evaluate("values().get('Length')") == value
    fill(synthetic, {"Length": "abc"})
    assert link_parameters(address(synthetic))["Anything"] == value
    assert synthetic.evaluate("command()").split("Anything=", 1)[1]


def test_list_saved_by_powershell_with_a_byte_order_mark_is_loaded(synthetic: Page) -> None:
    assert "Values taken: 1." in load(synthetic, b"\xef\xbb\xbf" + rows({"Anything": "x1"}))
    assert file_parameters(synthetic)["Anything"] == "x1"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "It is not JSON: "),
        (b"key: value", "It is not JSON: "),
        (b'[{"ParameterKey": "Anything", "ParameterValue": "x"},]', "It is not JSON: "),
        (b"{}", "A parameter file is a list: "),
        (b'{"Parameters": {"Anything": "x"}}', "A parameter file is a list: "),
        (b"null", "A parameter file is a list: "),
        (b"[null]", "Entry 1 needs a ParameterKey and a ParameterValue"),
        (b'[{"ParameterKey": "Anything"}]', "Entry 1 needs a ParameterKey and a ParameterValue"),
        (b'[{"ParameterKey": "Days", "ParameterValue": 3}]', "Entry 1 needs a ParameterKey and a ParameterValue"),
        (rows({"Anything": "x"})[:-1] + b"," + rows({"Anything": "y"})[1:], "Anything is in it twice"),
        ("[]".encode("utf-16"), "It is not text in UTF-8."),
        (b"\xff", "It is not text in UTF-8."),
    ],
)
def test_file_that_is_none_changes_nothing(synthetic: Page, content: bytes, message: str) -> None:
    before = synthetic.input_value("#file")
    report = load(synthetic, content, "<b>my & file.json")
    assert report.startswith("<b>my & file.json is not loaded, and the form is as it was.")
    assert message in report
    assert synthetic.input_value("#file") == before
    # The same file can be put right and chosen again.
    assert "Values taken: 1." in load(synthetic, rows({"Anything": "better"}), "<b>my & file.json")


def test_unknown_keys_are_named_with_their_values(synthetic: Page) -> None:
    unknown = {"__proto__": "1", "constructor": "2", "anything": "lower case", "<img src=x>": "</script>"}
    report = load(synthetic, rows({"Anything": "taken", **unknown}))
    assert "Values taken: 1. Not in the file, and left as they were: 9." in report
    for key, value in unknown.items():
        assert f"{key} is not a parameter of this template; its value {value} is not used." in report
    assert file_parameters(synthetic) == VALUES | {"Anything": "taken"}


def test_file_of_another_template_says_which(launch_page: LaunchPages) -> None:
    page = launch_page(template="code-build-nodejs.yaml")
    report = load(page, rows(parameters("deployment-pipeline-for-all-env.yaml")))
    (fits,) = [line for line in report.splitlines() if line.startswith("All of the file fits ")]
    assert "deployment-pipeline-for-all-env.yaml" in fits


def test_value_that_is_not_offered_is_shown_and_kept(synthetic: Page) -> None:
    load(synthetic, rows({"Choice": "three"}))
    assert synthetic.input_value("#p-Choice") == "three"
    assert file_parameters(synthetic)["Choice"] == "three"
    assert error(synthetic, "Choice").startswith("This is not one of the choices.")


def _copied(page: Page) -> dict[str, str]:
    """What each button copies."""
    return {
        "link": address(page),
        "command": page.evaluate("command()"),
        "file": page.evaluate("parameterFile()"),
    }


def test_buttons_copy_and_say_so_for_a_moment(synthetic: Page) -> None:
    fill(synthetic, {"Anything": HOSTILE[13]})
    said = synthetic.locator(".said")
    for name, expected in _copied(synthetic).items():
        synthetic.focus(f"#copy-{name}")
        synthetic.keyboard.press("Enter")
        beside = synthetic.locator(f"#copy-{name} ~ .said")
        expect(beside).to_have_text("Copied.")
        expect(beside).to_be_visible()
        assert beside.get_attribute("role") == "status"
        assert sorted(said.all_inner_texts()) == ["", "", "Copied."], "it is said of the last one only"
        assert synthetic.evaluate("navigator.clipboard.readText()") == expected
        assert synthetic.evaluate("document.activeElement.id") == f"copy-{name}"
        assert not synthetic.is_visible("#link")
    synthetic.click("#language-ja")
    assert set(said.all_inner_texts()) == {""}, "not in the other language"
    synthetic.click("#copy-file")
    expect(synthetic.locator("#copy-file ~ .said")).to_have_text("コピーしました。")
    expect(synthetic.locator("#copy-file ~ .said")).to_be_empty(timeout=10_000)


def test_a_copy_of_other_values_is_not_said_to_be_one(synthetic: Page) -> None:
    synthetic.click("#copy-link")
    said = synthetic.locator("#copy-link ~ .said")
    expect(said).to_have_text("Copied.")
    fill(synthetic, {"Anything": "other"})
    assert said.inner_text() == ""


REFUSED = "navigator.clipboard.writeText = async () => { throw new DOMException('no', 'NotAllowedError'); }"
MISSING = "Object.defineProperty(navigator, 'clipboard', { value: undefined })"
# Neither may a selection be copied by the page.
NOTHING = "document.execCommand = () => false"


@pytest.mark.parametrize("clipboard", [REFUSED, MISSING])
@pytest.mark.parametrize("language", LANGUAGES)
def test_where_pages_may_not_copy_the_text_is_selected_for_the_keyboard(
    synthetic: Page, clipboard: str, language: str
) -> None:
    synthetic.click(f"#language-{language}")
    synthetic.evaluate(f"() => {{ {clipboard}; {NOTHING}; }}")
    for name, expected in _copied(synthetic).items():
        synthetic.evaluate("document.querySelector('#w-stackName').focus()")
        synthetic.click(f"#copy-{name}")
        expect(synthetic.locator(f"#copy-{name} ~ .said")).to_have_text(words(language)["page.notCopied"])
        assert synthetic.evaluate("document.activeElement.id") == name
        assert synthetic.is_visible(f"#{name}")
        assert synthetic.get_attribute(f"#{name}", "readonly") is not None
        assert synthetic.evaluate("getSelection().toString()") == expected
        synthetic.keyboard.press("ControlOrMeta+c")
        synthetic.evaluate(PASTE_BOX)
        synthetic.keyboard.press("ControlOrMeta+v")
        assert synthetic.input_value("#paste-box") == expected
    label = synthetic.locator("label[for=link]")
    assert label.inner_text() == words(language)["page.linkTitle"]
    fill(synthetic, {"Anything": "other"})
    assert not synthetic.is_visible("#link"), "another link is needed now"


PASTE_BOX = """() => {
  document.getElementById("paste-box")?.remove();
  const box = make("textarea", { id: "paste-box" });
  document.body.append(box);
  box.focus();
}"""


@pytest.mark.parametrize("clipboard", [REFUSED, MISSING])
def test_where_pages_may_copy_a_selection_they_do(synthetic: Page, clipboard: str) -> None:
    copied = _copied(synthetic)
    read = synthetic.evaluate_handle("() => navigator.clipboard.readText.bind(navigator.clipboard)")
    synthetic.evaluate(f"() => {{ {clipboard}; }}")
    for name, expected in copied.items():
        synthetic.click(f"#copy-{name}")
        expect(synthetic.locator(f"#copy-{name} ~ .said")).to_have_text("Copied.")
        assert read.evaluate("read => read()") == expected


def test_a_value_that_is_too_long_to_show_is_copied_whole(synthetic: Page) -> None:
    synthetic.evaluate(f"() => {{ {REFUSED}; {NOTHING}; }}")
    fill(synthetic, {"Anything": "x" * 5_000})
    assert synthetic.input_value("#command") == ""
    synthetic.click("#copy-command")
    assert "x" * 5_000 in synthetic.input_value("#command")


def _words(page: Page) -> str:
    return page.text_content("#picture-words") or ""


def test_picture_is_drawn_from_the_values(launch_page: LaunchPages) -> None:
    name = "deployment-pipeline-for-all-env.yaml"
    page = launch_page(template=name)
    assert "Source: still blank, master" in _words(page)
    values = parameters(name)
    fill(page, values)
    steps = page.eval_on_selector_all(
        "#picture-words ol", "all => all.map(one => [...one.children].map(li => li.textContent))"
    )
    lanes = []
    for environment in ENVIRONMENTS:
        key = environment.id.lower()
        builds = {
            "Nodejs": "Unit tests: ecs-cd-build-nodejs",
            "ContainerImage": f"Container image: ecs-cd-build-container-image, ecs-cd-sample-app-{key}",
        }
        lanes.append(
            [
                f"Source: ecs-cd-sample-app, {branch_of(environment)}",
                *(["Approval: ecs-cd-approvals"] if environment.approval else []),
                *(
                    builds.get(step.name, f"{step.display_name}: {values[f'CodeBuild{step.name}ProjectName']}")
                    for step in BUILD_STEPS
                ),
                f"Deploy: ecs-cd-{key}, ecs-cd-sample-app-{key}",
            ]
        )
    assert steps == lanes
    drawn = page.eval_on_selector_all("#picture text", "all => all.map(one => one.textContent).join('')")
    names = [environment.display_name for environment in ENVIRONMENTS]
    for value in ("ecs-cd-dev", "ecs-cd-approvals", "ecs-cd-sample-app-prod", "Approval", *names):
        assert value in drawn
    assert page.eval_on_selector_all("#picture rect", "all => all.length") == sum(map(len, lanes))
    assert page.get_attribute("#picture svg", "role") == "img"
    assert "Approval: ecs-cd-approvals" in (page.text_content("#picture desc") or "")

    hostile = "<img/src=x>&amp;" + "x" * 200
    fill(page, {"CodeCommitBranchNameForDevEnv": hostile})
    assert hostile in _words(page)
    assert page.locator("#picture img").count() == 0
    boxes = page.eval_on_selector_all(
        "#picture text",
        """all => all.map((one) => {
          const { x, width } = one.getBBox();
          return [x, x + width, one.ownerSVGElement.viewBox.baseVal.width];
        })""",
    )
    assert all(left >= 0 and right <= width for left, right, width in boxes)


@pytest.mark.parametrize("name", TEMPLATES)
def test_picture_has_each_pipeline_and_action(launch_page: LaunchPages, name: str) -> None:
    page = launch_page(template=name)
    pipelines = [one for one in TEMPLATES[name]["Resources"].values() if one["Type"] == "AWS::CodePipeline::Pipeline"]
    assert page.is_visible("#picture-section") == bool(pipelines)
    for index, pipeline in enumerate(pipelines):
        actions = sum(len(stage["Actions"]) for stage in pipeline["Properties"]["Stages"])
        assert page.locator("#picture-words ol").nth(index).locator("li").count() == actions
    assert not re.search(r"\$\{|undefined|null|NaN", page.text_content("#picture-section") or "")
