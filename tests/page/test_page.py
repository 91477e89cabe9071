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
from troposphere import Template
from troposphere.sns import Topic

from ecs_cd_templates import catalog, page
from ecs_cd_templates.catalog import RenderSettings
from ecs_cd_templates.cfn.regions import regions
from ecs_cd_templates.cli import main
from ecs_cd_templates.errors import BucketError, RegionError
from ecs_cd_templates.launch.bundle import Folder, publication, published_settings
from ecs_cd_templates.page import PageSettings, to_html
from ecs_cd_templates.settings import PipelineSettings

SETTINGS = PageSettings(bucket="my-templates", region="eu-west-1")
TEXT = to_html(SETTINGS)
STRINGS: dict[str, dict[str, str]] = json.loads(
    Path(page.__file__).parent.joinpath("strings.json").read_text(encoding="utf-8")
)


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
    assert codes == ["en", "ja"] == list(data["strings"]) == list(data["texts"])
    texts = data["texts"]
    assert len(texts["en"]) == len(set(texts["en"])) == len(texts["ja"])
    used = {index for form in data["templates"].values() for index in _indexes(form)}
    environments = {lane["environment"] for form in data["templates"].values() for lane in form["pipelines"]} - {None}
    assert used | environments == set(range(len(texts["en"])))
    assert {texts["en"][index] for index in environments} == {"Dev", "QA", "Prod"}
    for english, japanese in zip(texts["en"], texts["ja"], strict=True):
        assert "{" not in japanese, english


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


@pytest.mark.parametrize(
    ("text", "japanese"),
    [
        ("CodePipeline Settings", "CodePipeline の設定"),
        ("What is the Code Pipeline Name for the development environment?", "開発環境のパイプラインの名前"),
        ("What is the Code Pipeline Name for the staging environment?", "staging環境のパイプラインの名前"),
        (
            "Each environment needs a pipeline of its own: One and Other are the same.",
            "環境ごとに別のパイプラインが必要です。One と Other が同じです。",
        ),
        ("Nobody translated this for the development environment.", None),
        ("One and Other are the same.", None),
    ],
)
def test_text_is_translated_as_a_whole_or_left_as_it_is(text: str, japanese: str | None) -> None:
    assert page.translated(text, "ja") == (text if japanese is None else japanese)
    assert page.translated(text, "en") == text


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
    monkeypatch.setattr(catalog, "templates", lambda settings=None: {"one.yaml": lambda: template})
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


def test_both_languages_say_the_same_things() -> None:
    english, japanese = STRINGS["en"], STRINGS["ja"]
    assert list(english) == list(japanese)
    for key, text in english.items():
        assert set(re.findall(r"\{(\w+)\}", text)) == set(re.findall(r"\{(\w+)\}", japanese[key])), key
        assert bool(text) == bool(japanese[key]), key


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
    assert used == set(STRINGS["en"])


def test_no_translation_is_left_of_a_text_that_has_changed() -> None:
    texts = {_general(text) for text in _data(TEXT)["texts"]["en"]}
    environments = {"development", "quality assurance", "production"}
    assert set(STRINGS["japanese"]) - environments <= texts


@pytest.mark.parametrize(
    "name",
    [
        "code-build-nodejs.yaml",
        "code-build-containerImage.yaml",
        "deployment-pipeline-for-all-env.yaml",
        "deployment-pipeline-without-approval.yaml",
        "deployment-pipeline-with-approval.yaml",
    ],
)
def test_forms_of_the_pipelines_are_translated_as_a_whole(name: str) -> None:
    data = _data(TEXT)
    english, japanese = data["texts"]["en"], data["texts"]["ja"]
    indexes = set(_indexes(data["templates"][name]))
    assert len(indexes) > 5
    assert [english[index] for index in indexes if japanese[index] == english[index]] == []


def _general(text: str) -> str:
    """The text without the names in it, as its translation is looked up."""
    text = re.sub(r"\bthe ((?:(?!the )[\w-]+ )*)environment\b", "{environment}", text, count=1)
    return re.sub(r"\b\w+ and \w+ are the same\.$", "{one} and {other} are the same.", text)


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
        (["--bucket", "My_Bucket"], "bucket: 'My_Bucket': is no bucket's name"),
        (["--bucket", "a\nb"], "bucket: 'a\\nb': is no bucket's name"),
        (["--bucket", "mine", "--region", "nowhere"], "region: 'nowhere': there is none"),
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
