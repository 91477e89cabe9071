"""The launch page's file; tests/page/browser/ tests what it does in a browser."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from troposphere import Parameter, Template
from troposphere.codecommit import Repository
from troposphere.sns import Topic

from ecs_cd_templates import BUILD_STEPS, ENVIRONMENTS, BuildStep, Environment, catalog, page
from ecs_cd_templates.catalog import RenderSettings
from ecs_cd_templates.cfn.regions import regions
from ecs_cd_templates.cli import main
from ecs_cd_templates.errors import BucketError, RegionError
from ecs_cd_templates.launch.bundle import Folder, publication, published_settings
from ecs_cd_templates.page import PageSettings, to_html
from ecs_cd_templates.settings import PipelineSettings
from ecs_cd_templates.steps import CONTAINER_IMAGE, UNIT_TESTS, placed, unit_tests
from ecs_cd_templates.texts import LANGUAGES, Text, words
from support import NETWORKS, network_values, replace_catalogue

SETTINGS = PageSettings(bucket="my-templates", region="eu-west-1")
TEXT = to_html(SETTINGS)


def _data(text: str) -> dict[str, Any]:
    (found,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    data: dict[str, Any] = json.loads(found)
    return data


def test_same_settings_make_the_same_page() -> None:
    assert to_html(SETTINGS) == TEXT


def test_one_file_that_names_no_other() -> None:
    without_data = re.sub(r'<script type="application/json".*?</script>', "", TEXT, flags=re.DOTALL)
    assert re.findall(r'(?:src|href)="([^"#][^"]*)"', without_data) == ["data:,"]
    assert not re.search(r"@import|url\(|fetch\(|XMLHttpRequest|import\(|innerHTML|outerHTML|document\.write", TEXT)
    assert "{{" not in without_data


def test_policy_allows_exactly_the_style_and_the_script_that_are_there() -> None:
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]+)"', TEXT)
    for tag in ("style", "script"):
        (inline,) = re.findall(rf"<{tag}>(.*?)</{tag}>", TEXT, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}';" in policy
    rest = re.sub(r"(script|style)-src 'sha256-[^']+'; ", "", policy)
    assert rest == "default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'"
    assert not re.search(r"\son[a-z]+=|\sstyle=", TEXT.partition("<body>")[2].partition("<script")[0])


def test_data_is_the_catalogue_where_it_is_published() -> None:
    data = _data(TEXT)
    published = publication(Folder(bucket="my-templates", region="eu-west-1"))
    assert data["where"]["prefix"] == f"ecs-cd-templates/{published.version}"
    assert list(data["templates"]) == list(catalog.templates())
    for name, build in catalog.templates(published_settings(RenderSettings(), published.url, nested=False)).items():
        template = build().to_dict()
        form = data["templates"][name]
        assert form["size"] == len(published.files[name])
        assert sorted(form["regions"]) == sorted(region for those in regions(template).values() for region in those)
        assert {data["regions"][region] for region in form["regions"]} == set(regions(template))
        english = _spelled_out(form, data["texts"]["en"])
        interface = template["Metadata"]["AWS::CloudFormation::Interface"]
        assert english["description"] == template["Description"]
        assert english["groups"] == [
            {"label": group["Label"]["default"], "parameters": group["Parameters"]}
            for group in interface["ParameterGroups"]
        ]
        assert english["rules"] == json.loads(json.dumps(list(template.get("Rules", {}).values())))
        assert english["parameters"] == {
            key: {**value, "Label": interface["ParameterLabels"][key]["default"]}
            for key, value in json.loads(json.dumps(template["Parameters"])).items()
        }


# Where a form has a text of its template.
WORDS = {"description", "label", "Label", "Description", "ConstraintDescription", "AssertDescription", "title"}


def _spelled_out(node: Any, texts: list[str]) -> Any:
    """The form with its texts instead of their indexes."""
    if isinstance(node, list):
        return [_spelled_out(each, texts) for each in node]
    if isinstance(node, dict):
        return {key: texts[each] if key in WORDS else _spelled_out(each, texts) for key, each in node.items()}
    return node


def test_texts_are_each_there_once_and_at_the_same_place_in_each_language() -> None:
    data = _data(TEXT)
    codes = [language["code"] for language in data["languages"]]
    assert codes == list(LANGUAGES) == list(data["strings"]) == list(data["texts"])
    texts = data["texts"]
    assert len({len(each) for each in texts.values()}) == 1
    together = list(zip(*texts.values(), strict=True))
    assert len(together) == len(set(together))
    used = {index for form in data["templates"].values() for index in _indexes(form)}
    environments = {lane["environment"] for form in data["templates"].values() for lane in form["pipelines"]} - {None}
    assert used | environments == set(range(len(texts["en"])))
    assert {texts["en"][index] for index in environments} == {environment.display_name for environment in ENVIRONMENTS}
    for each in together:
        assert not any(re.search(r"\{\w+\}", text) for text in each), each


def test_nothing_of_a_form_is_left_in_another_language() -> None:
    data = _data(TEXT)
    # What somebody calls an environment or a build without saying it in each language.
    called = [*(each.display_name for each in ENVIRONMENTS), *(step.display_name for step in BUILD_STEPS)]
    own = {name for name in called if not isinstance(name, Text)}
    for english, *others in zip(*data["texts"].values(), strict=True):
        for other in others:
            # Names alone are the same everywhere.
            assert other != english or english in own or not re.search(r"[a-z] [a-z]", english), english


def _lanes(name: str, **changes: Any) -> list[dict[str, Any]]:
    """The picture's pipelines in a template's form, in English."""
    data = _data(to_html(PageSettings(bucket="my-templates", region="eu-west-1", **changes)))
    english = data["texts"]["en"]
    return [
        {
            "environment": None if lane["environment"] is None else english[lane["environment"]],
            "name": lane["name"],
            "steps": [(step["kind"], english[step["title"]], step["values"]) for step in lane["steps"]],
        }
        for lane in data["templates"][name]["pipelines"]
    ]


def _lane(suffix: str, display_name: str | None, *, approval: bool) -> dict[str, Any]:
    """A pipeline whose names are all parameters."""
    ask = [("approval", "Approval", ["${SNSTopicName}"])] if approval else []
    titles = {"Nodejs": "Unit tests", "ContainerImage": "Container image"}
    pushed = {"ContainerImage": [f"${{ECRRepositoryName{suffix}}}"]}
    builds = [
        (
            "build",
            titles.get(step.name, step.display_name),
            [f"${{CodeBuild{step.name}ProjectName}}", *pushed.get(step.name, [])],
        )
        for step in BUILD_STEPS
    ]
    return {
        "environment": display_name,
        "name": f"${{CodePipelineName{suffix}}}",
        "steps": [
            ("source", "Source", ["${CodeCommitRepositoryName}", f"${{CodeCommitBranchName{suffix}}}"]),
            *ask,
            *builds,
            ("deploy", "Deploy", [f"${{ECSClusterName{suffix}}}", f"${{ECSServiceName{suffix}}}"]),
        ],
    }


def test_picture_shows_each_pipeline_with_what_it_works_on() -> None:
    assert _lanes("deployment-pipeline-for-all-env.yaml") == [
        _lane(f"For{each.id}Env", each.display_name, approval=bool(each.approval)) for each in ENVIRONMENTS
    ]


def test_picture_shows_names_that_are_made_of_the_applications() -> None:
    lanes = {lane["environment"]: lane for lane in _lanes("quick-start.yaml")}
    for each in ENVIRONMENTS:
        lane, own = lanes[str(each.display_name)], f"${{ApplicationName}}-{each.id.lower()}"
        steps = {title: values for _, title, values in lane["steps"]}
        assert lane["name"] == own
        assert steps["Source"] == ["${ApplicationName}", f"${{CodeCommitBranchNameFor{each.id}Env}}"]
        assert steps["Unit tests"] == [f"{own}-nodejs"]
        assert steps["Container image"] == [f"{own}-containerimage", own]
        assert steps["Deploy"] == [own, own]
        assert steps.get("Approval", []) == (["${ApplicationName}-approvals"] if each.approval else [])


def test_picture_shows_where_the_approval_stands() -> None:
    live = Environment(id="Live", display_name="live", approval="before_deploy")
    settings = RenderSettings(environments=[live])
    for name in ("deployment-pipeline-for-all-env.yaml", "quick-start.yaml"):
        (lane,) = _lanes(name, templates=settings)
        assert [kind for kind, *_ in lane["steps"]] == ["source", *["build"] * len(BUILD_STEPS), "approval", "deploy"]


def test_picture_of_a_single_pipeline() -> None:
    for approval, name in ((False, "without"), (True, "with")):
        lanes = _lanes(f"deployment-pipeline-{name}-approval.yaml")
        assert lanes == [_lane("", None, approval=approval)]
    assert _lanes("vpc.yaml") == _lanes("prerequisites.yaml") == []


def test_picture_follows_environments_and_steps() -> None:
    scan = BuildStep(name="OwnCheck", display_name="own check", buildspec="scan.yml")
    staging = Environment(id="Staging", display_name="staging")
    settings = RenderSettings(
        environments=[staging], pipeline=PipelineSettings(steps=[UNIT_TESTS, scan, CONTAINER_IMAGE])
    )
    (lane,) = _lanes("deployment-pipeline-for-all-env.yaml", templates=settings)
    assert lane["environment"] == "staging"
    assert [step[:2] for step in lane["steps"]] == [
        ("source", "Source"),
        ("build", "Unit tests"),
        ("build", "own check"),
        ("build", "Container image"),
        ("deploy", "Deploy"),
    ]
    assert lane["steps"][2][2] == ["${CodeBuildOwnCheckProjectName}"]


def test_picture_shows_each_build_in_its_place() -> None:
    further = [(BuildStep(name=name), after) for name, after in (("Scan", "image"), ("Lint", "source"))]
    steps = placed(unit_tests(), CONTAINER_IMAGE, further)
    settings = RenderSettings(pipeline=PipelineSettings(steps=steps))
    for name in ("deployment-pipeline-for-all-env.yaml", "quick-start.yaml"):
        for lane in _lanes(name, templates=settings):
            builds = [words for kind, words, *_ in lane["steps"] if kind == "build"]
            assert builds == ["lint", "Unit tests", "Container image", "scan"]


def test_nested_stacks_need_the_regions_of_what_is_in_them() -> None:
    name = "deployment-pipeline-for-all-env.yaml"
    nested = _data(to_html(PageSettings(bucket="my-templates", region="eu-west-1", nested=True)))
    assert nested["templates"][name]["regions"] == _data(TEXT)["templates"][name]["regions"]


def test_picture_shows_what_is_in_nested_stacks() -> None:
    name = "deployment-pipeline-for-all-env.yaml"
    assert _lanes(name, nested=True) == _lanes(name) != []


def test_data_says_whether_the_command_needs_a_rendering_of_ones_own() -> None:
    mutable = RenderSettings(pipeline=PipelineSettings(image_tag_mutability="MUTABLE"))
    told = [
        [_data(to_html(PageSettings(bucket="my-templates", **changes)))[key] for key in ("usualSettings", "nested")]
        for changes in ({"templates": mutable}, {"nested": True})
    ]
    assert told == [[False, False], [True, True]]
    assert [_data(TEXT)[key] for key in ("usualSettings", "nested")] == [True, False]


def test_data_has_the_tags_for_the_command() -> None:
    tagged = RenderSettings(tags=[("team", "shop")])
    assert _data(to_html(PageSettings(bucket="my-templates", templates=tagged)))["tags"] == [["team", "shop"]]
    assert _data(TEXT)["tags"] == []


def test_data_says_what_the_page_cannot_know() -> None:
    data = _data(TEXT)
    version = publication(Folder(bucket="my-templates", region="eu-west-1")).version
    assert data["where"] == {
        "template": "quick-start.yaml",
        "stackName": "quick-start",
        "region": "eu-west-1",
        "bucketRegion": "eu-west-1",
        "bucket": "my-templates",
        "prefix": f"ecs-cd-templates/{version}",
    }
    assert (data["largestFromFile"], data["longestAddress"]) == (51_200, 8_000)
    assert data["idPrefixes"] == {
        "AWS::EC2::SecurityGroup::Id": "sg",
        "AWS::EC2::Subnet::Id": "subnet",
        "AWS::EC2::VPC::Id": "vpc",
    }
    assert data["partitions"]["aws-cn"] == {"suffix": "amazonaws.com.cn", "console": "console.amazonaws.cn"}
    assert data["regions"]["cn-north-1"] == "aws-cn"
    assert list(data["regions"].values()) == sorted(data["regions"].values())
    assert "eu-west-1" in data["regions"]
    forms = data["templates"]
    assert [name for name, form in forms.items() if form["namesRoles"]] == [
        "quick-start.yaml",
        "prerequisites.yaml",
        "ecs-cluster.yaml",
        "ecs-service.yaml",
        "ecs-environment.yaml",
    ]
    assert forms["code-build-containerImage.yaml"]["stackName"] == "code-build-container-image"


def test_a_network_that_exists_is_asked_for_by_its_ids() -> None:
    settings = PageSettings(bucket="my-templates", region="eu-west-1", templates=NETWORKS["mixed"])
    data = _data(to_html(settings))
    form = _spelled_out(data["templates"]["quick-start.yaml"], data["texts"]["en"])
    japanese = _spelled_out(data["templates"]["quick-start.yaml"], data["texts"]["ja"])
    typed = {name: each for name, each in form["parameters"].items() if each["Type"] in data["idPrefixes"]}
    asked = network_values(catalog.templates(NETWORKS["mixed"])["quick-start.yaml"]().to_dict())
    assert list(typed) == list(asked)
    for name, each in typed.items():
        assert "Default" not in each
        # Whose it is is in the label, in each language.
        english, own = ("development", "開発") if name.endswith("ForDevEnv") else ("production", "本番")
        assert english in each["Label"]
        assert own in japanese["parameters"][name]["Label"]


def test_the_buckets_region_is_known_also_where_nothing_can_be_launched(monkeypatch: pytest.MonkeyPatch) -> None:
    template = Template(Description="d")
    template.add_resource(Repository("Repository", RepositoryName="r"))
    replace_catalogue(monkeypatch, {"one.yaml": lambda: template})
    region = "ap-southeast-7"
    data = _data(to_html(PageSettings(bucket="my-templates", region=region)))
    assert region not in data["templates"]["one.yaml"]["regions"], "choose a region without CodeCommit"
    assert (data["regions"][region], data["where"]["bucketRegion"]) == ("aws", region)


def test_parameters_without_a_group_stand_in_one_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    template = Template(Description="d")
    template.add_parameter(Parameter("Alone", Type="String"))
    template.add_resource(Topic("Topic"))
    replace_catalogue(monkeypatch, {"one.yaml": lambda: template})
    data = _data(to_html(PageSettings(bucket="my-templates")))
    (group,) = data["templates"]["one.yaml"]["groups"]
    assert (data["texts"]["en"][group["label"]], group["parameters"]) == ("Other parameters", ["Alone"])
    assert data["texts"]["en"][data["templates"]["one.yaml"]["parameters"]["Alone"]["Label"]] == "Alone"


def _indexes(node: Any) -> Iterator[int]:
    """The indexes of what a form shows of its template, but for the names of the environments."""
    if isinstance(node, list):
        for each in node:
            yield from _indexes(each)
    elif isinstance(node, dict):
        for key, each in node.items():
            if key in WORDS:
                yield each
            else:
                yield from _indexes(each)


def test_script_knows_all_that_the_rules_and_parameters_use_and_no_more() -> None:
    forms = _data(TEXT)["templates"].values()
    script = Path(page.__file__).with_name("page.js").read_text(encoding="utf-8")
    used = {name for form in forms for rule in form["rules"] for name in _functions(rule)}
    assert used == set(re.findall(r'"(Fn::\w+|Ref)"', script))
    parameters = [parameter for form in forms for parameter in form["parameters"].values()]
    types = {parameter["Type"] for parameter in parameters}
    # Of the types with commas in their values it knows none.
    assert [name for name in types if "List" in name] == []
    assert set(_data(TEXT)["idPrefixes"]) <= types
    known = re.findall(r"^ \* @property \{.*?\} \[?([A-Z]\w+)\]?$", script, re.MULTILINE)
    keys = {key for parameter in parameters for key in parameter}
    assert keys == set(known) - {"RuleCondition", "Assertions", "Assert", "AssertDescription"}


def _functions(node: Any) -> Iterator[str]:
    if isinstance(node, list):
        for each in node:
            yield from _functions(each)
    elif isinstance(node, dict):
        for key, each in node.items():
            if key == "Ref" or key.startswith("Fn::"):
                yield key
            yield from _functions(each)


def test_other_settings_link_to_another_version() -> None:
    mutable = RenderSettings(pipeline=PipelineSettings(image_tag_mutability="MUTABLE"))
    versions = {
        _data(to_html(settings))["where"]["prefix"]
        for settings in (
            SETTINGS,
            PageSettings(bucket="my-templates", region="eu-west-1", templates=mutable),
            PageSettings(bucket="my-templates", region="eu-west-1", nested=True),
        )
    }
    assert len(versions) == 3
    assert _data(to_html(PageSettings(bucket="other")))["where"] == _data(TEXT)["where"] | {
        "bucket": "other",
        "region": "",
        "bucketRegion": "",
    }


def test_hostile_texts_stay_data(monkeypatch: pytest.MonkeyPatch) -> None:
    hostile = "</script><script>alert(1)</script><!--{{script}}\u2028"
    template = Template(Description=hostile)
    template.add_resource(Topic("Topic"))
    replace_catalogue(monkeypatch, {"one.yaml": lambda: template})
    text = to_html(PageSettings(bucket="my-templates", prefix="it's/(one)*!"))
    assert _data(text)["where"]["prefix"].startswith("it's/(one)*!/")
    assert _spelled_out(_data(text)["templates"]["one.yaml"], _data(text)["texts"]["en"])["description"] == hostile
    assert text.count("<script") == TEXT.count("<script")
    assert text.count("</script") == TEXT.count("</script")


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ({"bucket": "My_Bucket"}, BucketError),
        ({"bucket": ""}, BucketError),
        ({"bucket": "my.bucket"}, BucketError),
        ({"bucket": "mine", "prefix": "a/../b"}, BucketError),
        ({"bucket": "mine", "region": "eu-nowhere-1"}, RegionError),
        ({"bucket": "mine", "region": ""}, RegionError),
    ],
)
def test_settings_are_checked_when_they_are_made(settings: dict[str, str], error: type[Exception]) -> None:
    with pytest.raises(error):
        PageSettings(**settings)  # type: ignore[arg-type]


def test_every_text_is_used_and_every_used_text_is_there() -> None:
    parts = Path(page.__file__).parent
    script, skeleton = ((parts / name).read_text(encoding="utf-8") for name in ("page.js", "page.html"))
    used = {
        *re.findall(r'data-(?:text|label)="(\w+)"', skeleton),
        *re.findall(r'\btext\("(\w+)"', script),
        *re.findall(r'key: "(\w+)"', script),
        *re.findall(r'"(sameRegion|blank)"', script),
        *(
            f"{field}{part}"
            for field in re.findall(r'^    (\w+): \{ Type: "String"', script, re.MULTILINE)
            for part in ("Label", "Help", "Hint", "Missing")
        ),
    }
    assert used == {key.removeprefix("page.") for key in words("en") if key.startswith("page.")}


def test_command_writes_the_page_and_then_leaves_it_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    command = ["page", "--bucket", "my-templates", "--region", "eu-west-1"]
    assert main(command) == 0
    assert Path("launch.html").read_text(encoding="utf-8") == TEXT
    assert main(command) == 0
    assert main([*command, "-o", "new/page.html"]) == 0
    assert Path("new/page.html").read_text(encoding="utf-8") == TEXT
    written = "written: launch.html\nunchanged: launch.html\nwritten: new/page.html\n"
    assert capsys.readouterr() == (written, "")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "--bucket"),
        (["--bucket", "My_Bucket"], "bucket: 'My_Bucket': is not the name of a bucket"),
        (["--bucket", "a\nb"], "bucket: 'a\\nb': is not the name of a bucket"),
        (["--bucket", "mine", "--region", "nowhere"], "region: 'nowhere': there is no region of this name"),
        (["--bucket", "mine", "--prefix", "a//b"], "prefix: 'a//b'"),
        (["--bucket", "mine", "-o", "directory"], "output file: 'directory'"),
        (["--bucket", "mine", "-o", "file/launch.html"], "output directory: 'file': is a file"),
        (["--bucket", "mine", "-o", "/proc/none/launch.html"], "output directory: '/proc/none': cannot be written"),
    ],
)
def test_command_refuses_in_one_line_and_writes_nothing(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("directory").mkdir()
    Path("file").write_text("as it was")
    try:
        status: object = main(["page", *arguments])
    except SystemExit as end:
        status = end.code
    out, err = capsys.readouterr()
    assert (status, out, len(err.splitlines())) == (2, "", 1)
    assert message in err
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["directory", "file"]
    assert Path("file").read_text() == "as it was"
