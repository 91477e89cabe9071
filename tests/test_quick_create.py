"""Every link opens the form that it says, filled in with what it was given; so does the chain between stacks."""

from __future__ import annotations

import importlib
import json
import re
import shlex
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ecs_cd_templates import RenderSettings, SettingsError, catalog, constraints, render
from ecs_cd_templates.cfn.evaluation import resolve
from ecs_cd_templates.cfn.partitions import PARTITIONS
from ecs_cd_templates.cfn.regions import lacking, partition_of, regions
from ecs_cd_templates.cli import main
from ecs_cd_templates.constraints import Constraint
from ecs_cd_templates.errors import (
    BucketError,
    EcsCdTemplatesError,
    MissingExtraError,
    ParameterError,
    ParameterFileError,
    RegionError,
)
from ecs_cd_templates.launch.bundle import (
    SAMPLE_APP,
    SAMPLE_APP_ARCHIVE,
    Folder,
    archive,
    check_bucket,
    checked_prefix,
    publication,
    version,
)
from ecs_cd_templates.launch.links import (
    BUTTON,
    Link,
    Parameters,
    links,
    read_parameters_for,
    to_html,
    to_json,
    to_markdown,
)
from ecs_cd_templates.launch.next_steps import REPLACED, NextStep, add_next_step
from ecs_cd_templates.launch.parameter_files import check_some, merged, read_parameters
from ecs_cd_templates.launch.quick_create import MAX_ADDRESS_LENGTH, deploy_command, quick_create, stack_name
from support import PARTITIONS as TARGETS
from support import ROOT, load

NAMES = list(catalog.templates())
RENDERED = render()
TEMPLATES = {name: build().to_dict() for name, build in catalog.templates().items()}
BUCKET_REGIONS = {"aws": "eu-west-1", "aws-cn": "cn-northwest-1", "aws-us-gov": "us-gov-west-1"}
FOLDER = Folder(bucket="my-bucket", region="eu-west-1")
# Those of the templates that have an example, and none for the others.
FILES = {
    name: str((ROOT / "params" / name).with_suffix(".json"))
    for name in NAMES
    if (ROOT / "params" / name).with_suffix(".json").is_file()
}
VALUES = {name: read_parameters(Path(file)) for name, file in FILES.items()}


@dataclass(frozen=True)
class Form:
    """What an address says, read as a browser and a form's script would."""

    host: str
    region: str
    template_url: str
    stack_name: str
    parameters: dict[str, str]


def decode(address: str) -> Form:
    assert re.fullmatch(r"[A-Za-z0-9._~:/?#@!$&'()*+,;=%-]+", address), "characters that no address has"
    parts = urlsplit(address)
    assert (parts.scheme, parts.path) == ("https", "/cloudformation/home")
    ((key, region),) = parse_qsl(parts.query, strict_parsing=True)
    assert key == "region"
    route, _, query = parts.fragment.partition("?")
    assert route == "/stacks/create/review"
    pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=True)
    found = dict(pairs)
    assert len(found) == len(pairs), "something is said twice"
    url, name = found.pop("templateURL"), found.pop("stackName")
    assert all(key.startswith("param_") for key in found)
    return Form(
        host=parts.netloc,
        region=region,
        template_url=url,
        stack_name=name,
        parameters={key.removeprefix("param_"): value for key, value in found.items()},
    )


def quick(values: Mapping[str, str], template: Mapping[str, Any], **changes: Any) -> Any:
    arguments = {
        "template_url": "https://my-bucket.s3.eu-west-1.amazonaws.com/p/v/t.yaml",
        "template": template,
        "region": "eu-west-1",
        "partition": "aws",
        "stack_name": "t",
        "values": values,
    }
    return quick_create(**(arguments | changes))


# ---- the links -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("filled_in", "nested"), [(False, False), (True, False), (True, True)], ids=["blank", "filled in", "nested"]
)
@pytest.mark.parametrize("partition", PARTITIONS)
def test_every_link_opens_its_template_in_its_region(partition: str, filled_in: bool, nested: bool) -> None:
    folder = Folder(bucket="my-bucket", region=BUCKET_REGIONS[partition], prefix="team/(a)!")
    given_values = {name: Parameters(values=VALUES[name], file=FILES[name]) for name in FILES} if filled_in else {}
    published = publication(folder, nested=nested)
    assert set(NAMES) <= published.files.keys()
    found = links(folder, nested=nested, parameters=given_values)
    assert [(link.template, link.region) for link in found] == [
        (name, region) for name in NAMES for region in regions(TEMPLATES[name])[partition]
    ]
    assert {link.template for link in found} == set(NAMES), "every template has a region in every partition"
    domains = PARTITIONS[partition]
    for link in found:
        form = decode(link.address)
        assert form.host == f"{link.region}.{domains.console_domain}"
        assert form.region == link.region
        assert form.template_url == link.template_url == f"{published.url}/{link.template}"
        template_url = urlsplit(form.template_url)
        assert template_url.netloc == f"my-bucket.s3.{folder.region}.{domains.url_suffix}"
        assert unquote(template_url.path) == f"/team/(a)!/{published.version}/{link.template}"
        assert form.stack_name == link.stack_name == stack_name(link.template)
        assert re.fullmatch(r"[a-z][a-z0-9-]{0,127}", form.stack_name)
        assert form.parameters == link.parameters == (VALUES.get(link.template, {}) if filled_in else {})
        assert form.parameters.keys() <= TEMPLATES[link.template]["Parameters"].keys()
        assert link.left_out == {}
        assert len(quote(link.address, safe="")) <= MAX_ADDRESS_LENGTH
        # The archive is published beside the template, and the local template does not know of it.
        archive = {"SampleAppBucketName": "my-bucket", "SampleAppKey": f"team/(a)!/{published.version}/sample-app.zip"}
        _assert_command_does_the_same(link, given_values, archive if link.template == "quick-start.yaml" else {})
        assert ("--nested-base-url" in link.note) == nested


def _assert_command_does_the_same(
    link: Link, given_values: Mapping[str, Parameters], published_only: Mapping[str, str]
) -> None:
    words = shlex.split(link.command)
    assert words[:3] == ["aws", "cloudformation", "deploy"]
    if "--parameter-overrides" in words:
        start = words.index("--parameter-overrides")
        overrides = words[start + 1 :]
        words = words[:start]
    else:
        overrides = []
    options = dict(zip(words[3::2], words[4::2], strict=True))
    assert options.pop("--region") == link.region
    assert options.pop("--stack-name") == link.stack_name
    file = options.pop("--template-file")
    assert file == f"templates/{link.template}"
    text = RENDERED[link.template]
    if link.template in given_values and not published_only:
        assert overrides == [f"file://{FILES[link.template]}"]
    else:
        given = given_values[link.template].values if link.template in given_values else {}
        assert dict(word.split("=", 1) for word in overrides) == {**published_only, **given}
    if "Type: AWS::IAM::" in text:
        assert options.pop("--capabilities") == "CAPABILITY_NAMED_IAM"
    if len(text.encode()) > 51_200:
        assert options.pop("--s3-bucket") == "my-bucket"
    assert options == {}


def test_only_the_templates_and_regions_that_are_asked_for() -> None:
    found = links(FOLDER, only_templates=NAMES[1:3], only_regions=["us-east-1", "eu-west-1"])
    assert [(link.template, link.region) for link in found] == [
        (name, region) for name in NAMES[1:3] for region in ("us-east-1", "eu-west-1")
    ]


def test_a_region_of_another_partition_is_refused() -> None:
    for bucket_region in BUCKET_REGIONS.values():
        for region in BUCKET_REGIONS.values():
            folder = Folder(bucket="my-bucket", region=bucket_region)
            if region != bucket_region:
                with pytest.raises(RegionError, match="publish to a bucket there, too"):
                    links(folder, only_regions=[region])


def test_a_region_that_lacks_a_service_is_refused() -> None:
    every = {region for partition in PARTITIONS for region in regions({"Resources": {}} | _s3_only())[partition]}
    for template in TEMPLATES.values():
        complete = {region for those in regions(template).values() for region in those}
        for region in every:
            assert bool(lacking(template, region)) == (region not in complete)
    pipelines = "deployment-pipeline-for-all-env.yaml"
    lacks = {region for region in every if "codepipeline" in lacking(TEMPLATES[pipelines], region)}
    if not (somewhere := sorted(region for region in lacks if partition_of(region) == "aws")):
        pytest.skip("every region has CodePipeline now")
    for nested in (False, True):
        with pytest.raises(RegionError, match=f"has no .*codepipeline.*, which {pipelines} uses"):
            links(FOLDER, nested=nested, only_templates=[pipelines], only_regions=somewhere[:1])


def _s3_only() -> dict[str, Any]:
    return {"Resources": {"Bucket": {"Type": "AWS::S3::Bucket"}}}


@pytest.mark.parametrize("region", ["", "eu-west-9", "EU-WEST-1", "eu-west-1 ", "eu_west_1", "us-iso-east-1", "aws"])
def test_a_region_that_is_none_is_refused(region: str) -> None:
    with pytest.raises(RegionError):
        partition_of(region)


# ---- the values ------------------------------------------------------------------------------------------------

TWO = {"Parameters": {"One": {"Type": "String"}, "Two": {"Type": "String"}}, "Resources": {}}


@given(one=st.text(max_size=300), two=st.text(max_size=300))
def test_any_text_comes_back_as_it_was(one: str, two: str) -> None:
    created = quick({"One": one, "Two": two}, TWO)
    form = decode(created.address)
    assert form.parameters == created.filled_in
    assert created.filled_in | dict.fromkeys(created.left_out, "") == {
        name: value if name in created.filled_in else "" for name, value in (("One", one), ("Two", two))
    }
    assert len(quote(created.address, safe="")) <= MAX_ADDRESS_LENGTH


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
@pytest.mark.parametrize("name", FILES)
def test_values_that_a_form_accepts_come_back_as_they_were(name: str, data: st.DataObject) -> None:
    parameters = TEMPLATES[name]["Parameters"]
    few = data.draw(st.lists(st.sampled_from(sorted(parameters)), min_size=1, max_size=3, unique=True))
    values = {each: data.draw(_accepted(parameters[each])) for each in few}
    form = decode(quick(values, TEMPLATES[name]).address)
    assert form.parameters == values


def _accepted(parameter: Mapping[str, Any]) -> st.SearchStrategy[str]:
    if "AllowedValues" in parameter:
        return st.sampled_from(parameter["AllowedValues"]).map(str)
    if parameter["Type"] == "Number":
        return st.integers(int(parameter.get("MinValue", 0)), int(parameter.get("MaxValue", 9))).map(str)
    if "AllowedPattern" not in parameter:
        return st.text(max_size=20)
    longest = min(int(parameter.get("MaxLength", 100)), 150)
    pattern = parameter["AllowedPattern"]
    return st.from_regex(pattern, fullmatch=True, alphabet=st.characters(codec="utf-8")).filter(
        lambda text: len(text) <= longest and re.fullmatch(pattern, text) is not None
    )


def test_what_quick_create_ignores_is_said() -> None:
    template: dict[str, Any] = {"Parameters": {"A": {"Type": "String"}, "B": {"Type": "String", "NoEcho": True}}}
    created = quick({"A": "a", "B": "secret", "C": "c"}, template)
    assert (created.filled_in, set(created.left_out)) == ({"A": "a"}, {"B", "C"})
    assert "secret" not in created.address
    for echo, left_out in (("true", True), ("True", True), ("false", False), (False, False)):
        template["Parameters"]["B"]["NoEcho"] = echo
        assert ("B" in quick({"B": "b"}, template).left_out) == left_out


def test_the_longest_values_are_left_out_of_an_address_that_would_be_too_long() -> None:
    name = "deployment-pipeline-for-all-env.yaml"
    long = {
        f"LifecyclePolicyTextFor{key}Env": "{" + " " * 1200 * n + "}" for n, key in enumerate(("Dev", "QA", "Prod"))
    }
    created = quick(VALUES[name] | long, TEMPLATES[name])
    assert set(created.left_out) == {"LifecyclePolicyTextForProdEnv"}
    assert decode(created.address).parameters == created.filled_in
    assert set(created.filled_in) == set(VALUES[name] | long) - set(created.left_out)


def test_the_limit_is_exact() -> None:
    spare = MAX_ADDRESS_LENGTH - len(quote(quick({"One": ""}, TWO).address, safe=""))
    assert quick({"One": "x" * spare}, TWO).left_out == {}
    assert set(quick({"One": "x" * (spare + 1)}, TWO).left_out) == {"One"}
    with pytest.raises(EcsCdTemplatesError, match="shorter prefix"):
        quick({}, TWO, template_url="https://my-bucket.s3.eu-west-1.amazonaws.com/" + "x" * MAX_ADDRESS_LENGTH)


def test_text_that_is_none_is_refused() -> None:
    with pytest.raises(ParameterError, match="One"):
        quick({"One": "\ud800"}, TWO)


@pytest.mark.parametrize(
    ("file_name", "name"),
    [
        ("code-build-nodejs.yaml", "code-build-nodejs"),
        ("code-build-containerImage.yaml", "code-build-container-image"),
        ("deployment-pipeline-for-all-env.yaml", "deployment-pipeline-for-all-env"),
        (f"{'x' * 200}.yaml", "x" * 128),
    ],
)
def test_stack_names(file_name: str, name: str) -> None:
    assert stack_name(file_name) == name


def test_the_command_quotes_and_asks_for_what_the_template_needs() -> None:
    role: dict[str, Any] = {"Resources": {"Role": {"Type": "AWS::IAM::Role"}}}
    values = ["A=b c", "B=$(rm -rf ~)", "C='\"`\\", "D=a\nb", "E="]
    for template, capable in ((role, True), (_s3_only(), False)):
        for size, large in ((51_200, False), (51_201, True)):
            command = deploy_command(
                template_file="my templates/t.yaml",
                template=template,
                size=size,
                region="eu-west-1",
                stack_name="t",
                bucket="my-bucket",
                overrides=values,
            )
            words = shlex.split(command)
            assert words[words.index("--template-file") + 1] == "my templates/t.yaml"
            assert words[words.index("--parameter-overrides") + 1 :] == values
            assert ("--capabilities CAPABILITY_NAMED_IAM" in command) == capable
            assert ("--s3-bucket my-bucket" in command) == large


# ---- the tables ------------------------------------------------------------------------------------------------

FOUND = links(FOLDER, only_regions=["eu-west-1", "us-east-1"], only_templates=NAMES[:3])


def _cells(row: str) -> list[str]:
    assert row.startswith("| ")
    assert row.endswith(" |")
    return [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", row)[1:-1]]


def _code(cell: str) -> str:
    match = re.fullmatch(r"(`+)( ?)(.*)\2\1", cell, re.DOTALL)
    assert match
    assert match.group(1) not in match.group(3)
    return match.group(3)


def test_markdown_is_a_table_of_buttons_for_each_template() -> None:
    sections = re.split(r"^### ", to_markdown(FOUND), flags=re.MULTILINE)
    assert sections.pop(0) == ""
    read = []
    for section in sections:
        template = section.splitlines()[0].strip("`")
        header, rule, *rows = [line for line in section.splitlines() if line.startswith("|")]
        assert _cells(header) == ["region", "launch", "the same from a shell"]
        assert _cells(rule) == ["---"] * 3
        for row in rows:
            region, button, command = _cells(row)
            match = re.fullmatch(r"\[!\[([^\]]+)\]\(([^()\s]+)\)\]\(([^()\s]+)\)", button)
            assert match
            assert match.group(1) == f"Launch {template} in {region}"
            assert (ROOT / match.group(2)).is_file()
            read.append((template, region, match.group(3), _code(command)))
    assert read == [(link.template, link.region, link.address, link.command) for link in FOUND]


@pytest.mark.parametrize("file", ["a|b.json", "`a`.json", "a``b", "a\\|b", "a b", "|", "`"])
def test_a_file_of_any_name_stays_in_its_cell(file: str) -> None:
    name = NAMES[1]
    given_values = {name: Parameters(values={}, file=file)}
    (link,) = links(FOLDER, only_templates=[name], only_regions=["eu-west-1"], parameters=given_values)
    row = to_markdown([link]).splitlines()[-1]
    if "\\" not in file:
        assert _code(_cells(row)[2]) == link.command
    assert shlex.split(link.command)[-1] == f"file://{file}"


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str | None] = []
        self.pictures: list[dict[str, str | None]] = []
        self.code: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "img":
            self.pictures.append(dict(attrs))
            return
        self.open.append(tag)
        if tag == "a":
            self.addresses.append(dict(attrs)["href"])
        if tag == "code" and "table" in self.open:
            self.code.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] == ["code"] and "table" in self.open:
            self.code[-1] += data


def test_html_says_the_same() -> None:
    reader = _Reader()
    reader.feed(to_html(FOUND, "https://example.com/a.svg?b&c"))
    reader.close()
    assert reader.open == []
    assert reader.addresses == [link.address for link in FOUND]
    assert reader.code == [link.command for link in FOUND]
    assert [picture["alt"] for picture in reader.pictures] == [
        f"Launch {link.template} in {link.region}" for link in FOUND
    ]
    assert {picture["src"] for picture in reader.pictures} == {"https://example.com/a.svg?b&c"}


def test_json_says_the_same() -> None:
    assert [Link(**row) for row in json.loads(to_json(FOUND))] == FOUND


def test_notes_are_said_once_for_all_regions() -> None:
    name = "deployment-pipeline-for-all-env.yaml"
    values = {"LifecyclePolicyTextForDevEnv": "", "LifecyclePolicyTextForQAEnv": "{" + " " * 3000 + "}"}
    found = links(
        FOLDER,
        only_templates=[name],
        only_regions=["eu-west-1", "us-east-1"],
        parameters={name: Parameters(values=values)},
    )
    for text in (to_markdown(found), to_html(found)):
        assert text.count("LifecyclePolicyTextForQAEnv is not filled in: it makes the address too long") == 1
        assert text.count("LifecyclePolicyTextForDevEnv is blank: check that the form shows it blank") == 1


def test_the_button_is_a_small_picture_with_a_name() -> None:
    path = ROOT / BUTTON
    root = ElementTree.parse(path).getroot()
    title = root.find("{http://www.w3.org/2000/svg}title")
    assert title is not None
    assert title.text == "Launch stack"
    assert root.attrib["role"] == "img"
    assert root.attrib["aria-labelledby"] == title.attrib["id"]
    text = path.read_text()
    assert len(text) < 2_000
    assert re.findall(r"https?://(?!www\.w3\.org/2000/svg)|<script|<image|<style", text) == []


# ---- the folder ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["abc", "a-b", "0ab", "a--b", "a" * 63, "bucket-123"])
def test_buckets(name: str) -> None:
    check_bucket(name)


@pytest.mark.parametrize(
    "name",
    [
        *("", "ab", "a" * 64, "Abc", "a_b", "-ab", "ab-", "a b", "a/b", "arn:aws:s3:::abc", "s3://abc", "\u00fcber"),
        *("abc\n", "BUCKET", "xn--abc", "sthree-abc", "amzn-s3-demo-abc", "abc-s3alias", "abc--ol-s3", "a--x-s3"),
        *("a.b", "10.0.0.1", "my.bucket.name"),
    ],
)
def test_a_bucket_that_templates_cannot_be_read_from_is_refused(name: str) -> None:
    with pytest.raises(BucketError) as caught:
        check_bucket(name)
    assert ("certificate" in str(caught.value)) == ("." in name)


@pytest.mark.parametrize(
    ("prefix", "key"),
    [
        ("", "v/t"),
        ("/", "v/t"),
        ("a", "a/v/t"),
        ("/a/b/", "a/b/v/t"),
        ("a!/(b)", "a!/(b)/v/t"),
        ("a..b", "a..b/v/t"),
    ],
)
def test_prefixes(prefix: str, key: str) -> None:
    folder = Folder(bucket="my-bucket", region="cn-north-1", prefix=prefix)
    assert folder.key("v/t") == key
    assert folder.url("v/t") == f"https://my-bucket.s3.cn-north-1.amazonaws.com.cn/{quote(key)}"


@pytest.mark.parametrize(
    "prefix",
    [
        *("a//b", "a/../b", "..", ".", "a/./b", "a\nb", "a\0", "\ud800", "x" * 201, "a b", "\u00fc", "a%20b", "a?b"),
        *("a#b", "${a}", "a&b", "a\\b", "s3://b/a", "a:b", "a+b"),
    ],
)
def test_a_prefix_that_is_none_is_refused(prefix: str) -> None:
    with pytest.raises(BucketError):
        checked_prefix(prefix)


def test_the_longest_prefix_leaves_room_for_values() -> None:
    folder = Folder(bucket="b" * 63, region="us-gov-west-1", prefix="(" * 200)
    found = links(folder, parameters={name: Parameters(values=VALUES[name]) for name in FILES})
    assert all(link.left_out == {} for link in found if link.template != "prerequisites.yaml")


def test_the_version_is_that_of_the_content() -> None:
    its_version = version()
    assert re.fullmatch(r"[0-9a-f]{12}", its_version)
    for folder in (FOLDER, Folder(bucket="other", region="cn-north-1", prefix="p")):
        assert publication(folder).version == its_version
    others = {version(RenderSettings(architecture="ARM64")), version(nested=True)}
    assert len(others | {its_version}) == 3


def test_a_publication_holds_everything() -> None:
    published = publication(FOLDER)
    assert list(published.files) == [*NAMES, SAMPLE_APP_ARCHIVE]
    assert published.url == f"https://my-bucket.s3.eu-west-1.amazonaws.com/ecs-cd-templates/{published.version}"
    assert published.files[SAMPLE_APP_ARCHIVE] == archive(ROOT / "sample-app") == archive(SAMPLE_APP)
    quick_start = load(published.files["quick-start.yaml"].decode())["Parameters"]
    assert quick_start["SampleAppBucketName"]["Default"] == FOLDER.bucket
    assert quick_start["SampleAppKey"]["Default"] == FOLDER.key(f"{published.version}/{SAMPLE_APP_ARCHIVE}")
    nested = load(publication(FOLDER, nested=True).files["deployment-pipeline-for-all-env.yaml"].decode())
    urls = {resource["Properties"]["TemplateURL"] for resource in nested["Resources"].values()}
    folder, _, files = {(url.rpartition("/")[0], "/", "") for url in urls}.pop()
    assert {url.rpartition("/")[2] for url in urls} <= set(NAMES)
    assert (folder, files) == (publication(FOLDER, nested=True).url, "")


# ---- parameter files -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("\ufeff[]", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("{}", "not a list"),
        ('{"Parameters": {}}', "not a list"),
        ("null", "not a list"),
        ('["A=b"]', "entry 1"),
        ('[{"ParameterKey": "A"}]', "entry 1"),
        ('[{"ParameterKey": "A", "ParameterValue": 1}]', "entry 1"),
        ('[{"ParameterKey": "A", "ParameterValue": null}]', "entry 1"),
        ('[{"ParameterKey": "A", "ParameterValue": "b", "UsePreviousValue": true}]', "entry 1"),
        ('[{"ParameterKey": "A", "ParameterKey": "B", "ParameterValue": "b"}]', "same key twice"),
        ('[{"ParameterKey": "A", "ParameterValue": "b"}, {"ParameterKey": "A", "ParameterValue": "b"}]', "entry 2"),
    ],
)
def test_a_parameter_file_that_is_none_is_refused(tmp_path: Path, text: str, remedy: str) -> None:
    path = tmp_path / "code-build-nodejs.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ParameterFileError, match=remedy):
        read_parameters_for([str(path)])


def test_a_parameter_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "code-build-nodejs.json").write_bytes(b'[{"ParameterKey": "\xff"}]')
    for path in ("code-build-nodejs.json", "missing/code-build-nodejs.json", "code-build-nodejs.json/x"):
        with pytest.raises(ParameterFileError):
            read_parameters(tmp_path / path)
    with pytest.raises(ParameterFileError, match="rename it"):
        read_parameters(tmp_path / "a\nb.json")


def test_a_file_belongs_to_the_template_that_it_is_named_like_or_given_for(tmp_path: Path) -> None:
    path = tmp_path / "x=y" / "code-build-nodejs.json"
    path.parent.mkdir()
    path.write_text('[{"ParameterKey": "CodeBuildProjectName", "ParameterValue": "ab"}]')
    expected = Parameters(values={"CodeBuildProjectName": "ab"}, file=str(path))
    assert read_parameters_for([str(path)]) == {"code-build-nodejs.yaml": expected}
    for name in ("code-build-containerImage", "code-build-containerImage.yaml"):
        assert read_parameters_for([f"{name}={path}"]) == {"code-build-containerImage.yaml": expected}
    for arguments in (["other.json"], [f"other={path}"], ["code-build-nodejs="], [str(path), str(path)]):
        with pytest.raises(ParameterFileError):
            read_parameters_for(arguments)


def test_several_files_are_one_set_of_values_if_they_agree(tmp_path: Path) -> None:
    for name, value in (("a", "1"), ("b", "1"), ("c", "2")):
        (tmp_path / name).write_text(json.dumps([{"ParameterKey": "A", "ParameterValue": value}]))
    assert merged([tmp_path / "a", tmp_path / "b"], {"A"}) == {"A": "1"}
    with pytest.raises(ParameterFileError, match="another value"):
        merged([tmp_path / "a", tmp_path / "c"], {"A"})
    with pytest.raises(ParameterFileError, match="no template has a parameter 'A'"):
        merged([tmp_path / "a"], {"B"})


def test_some_values_are_checked_and_all_of_them_with_the_rules() -> None:
    name = "deployment-pipeline-for-all-env.yaml"
    check_some(TEMPLATES[name], {"ECSTaskContainerName": "app"})
    for wrong in ({"ECSTaskContainerName": "no spaces"}, {"NoSuchParameter": "x"}):
        with pytest.raises(ParameterError):
            check_some(TEMPLATES[name], wrong)
    same = VALUES[name] | {"CodePipelineNameForQAEnv": VALUES[name]["CodePipelineNameForDevEnv"]}
    with pytest.raises(ParameterError, match="pipeline of its own"):
        check_some(TEMPLATES[name], same)


# ---- the command -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["markdown", "html", "json", "text"])
def test_links_prints_each_format_without_credentials_or_network(
    kind: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    monkeypatch.setattr("socket.socket.connect", None)
    arguments = ["links", "--bucket", "my-bucket", "--region", "us-east-1", "--template", "code-build-nodejs.yaml"]
    assert main([*arguments, "--params", FILES["code-build-nodejs.yaml"], "--format", kind]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    address = out.replace("&amp;", "&")
    assert "https://us-east-1.console.aws.amazon.com/" in address
    assert "&param_CodeBuildProjectName=ecs-cd-build-nodejs" in address
    assert "my-bucket.s3.us-east-1.amazonaws.com" in out


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ([], "--bucket"),
        (["--bucket", "my-bucket"], "--bucket-region"),
        (["--bucket", "my.bucket", "--region", "eu-west-1"], "'my.bucket'"),
        (["--bucket", "BUCKET", "--region", "eu-west-1"], "'BUCKET'"),
        (["--bucket", "my-bucket", "--region", "eu-west-9"], "'eu-west-9'"),
        (["--bucket", "my-bucket", "--region", "eu-west-1", "cn-north-1"], "'cn-north-1'"),
        (["--bucket", "my-bucket", "--bucket-region", "cn-north-1", "--region", "eu-west-1"], "'eu-west-1'"),
        (["--bucket", "my-bucket", "--region", "eu-west-1", "--prefix", "a//b"], "'a//b'"),
        (["--bucket", "my-bucket", "--region", "eu-west-1", "--template", "x.yaml"], "'x.yaml'"),
        (["--bucket", "my-bucket", "--region", "eu-west-1", "--format", "xml"], "'xml'"),
        (["--bucket", "my-bucket", "--region", "eu-west-1", "--params", "x.json"], "'x.json'"),
        (["--bucket", "my-bucket", "--region", "eu-west-1", "--params", "code-build-nodejs=/none"], "'/none'"),
    ],
)
def test_links_refuses_in_one_line(arguments: list[str], named: str, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        status: object = main(["links", *arguments])
    except SystemExit as end:
        status = end.code
    out, err = capsys.readouterr()
    assert (status, out, len(err.splitlines())) == (2, "", 1)
    assert ": error: " in err
    assert named in err


def test_values_that_the_form_refuses_are_refused_here(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "code-build-nodejs.json"
    for name, value in (("CodeBuildProjectName", "no spaces"), ("NoSuchParameter", "x")):
        path.write_text(json.dumps([{"ParameterKey": name, "ParameterValue": value}]))
        assert main(["links", "--bucket", "my-bucket", "--region", "eu-west-1", "--params", str(path)]) == 2
        out, err = capsys.readouterr()
        assert (out, len(err.splitlines())) == ("", 1)
        assert name in err


def test_without_the_extra_it_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    from ecs_cd_templates.cfn import regions as module

    module._session.cache_clear()
    monkeypatch.setitem(sys.modules, "botocore.session", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'ecs-cd-templates\[aws\]'"):
        partition_of("eu-west-1")


# ---- the chain -------------------------------------------------------------------------------------------------

PUBLISHED_URL = {
    partition: Folder(bucket="my-bucket", region=region, prefix="(a)").url("0123456789ab")
    for partition, region in BUCKET_REGIONS.items()
}
LINKED = {
    partition: {name: load(text) for name, text in render(RenderSettings(published_url=url)).items()}
    for partition, url in PUBLISHED_URL.items()
}
# What no template before the pipelines asks for.
NEW_TO_THE_PIPELINES = {"CodeCommitBranchName", "ECSTaskContainerName", "LifecyclePolicyText"}


def _launches(template: Mapping[str, Any]) -> list[str]:
    return [name for name in template.get("Outputs", {}) if name.startswith("Launch")]


def test_a_template_that_is_not_published_names_no_address() -> None:
    for name, text in RENDERED.items():
        assert _launches(load(text)) == []
        assert "templateURL" not in text, name


@pytest.mark.parametrize("partition", PARTITIONS)
@pytest.mark.parametrize("name", catalog.NEXT_STEPS)
def test_each_stack_opens_the_next_form_with_what_it_made(name: str, partition: str) -> None:
    template, target = LINKED[partition][name], TARGETS[partition]
    outputs = resolve(template, VALUES.get(name, {}), target).outputs
    steps = catalog.NEXT_STEPS[name]
    assert len(_launches(template)) == len(steps)
    for output, step in zip(_launches(template), steps, strict=True):
        form = decode(outputs[output])
        assert form.host == f"{target.region}.{PARTITIONS[partition].console_domain}"
        assert form.region == target.region
        assert form.template_url == f"{PUBLISHED_URL[partition]}/{step.template}"
        assert form.stack_name == stack_name(step.template)
        asked = LINKED[partition][step.template]["Parameters"]
        known = {
            each: outputs[step.outputs.get(each, each)] for each in asked if step.outputs.get(each, each) in outputs
        }
        assert form.parameters == known, "everything that the stack knows, and nothing else"
        assert known
        check_some(LINKED[partition][step.template], known)


def test_after_the_prerequisites_nobody_types_a_name_twice() -> None:
    outputs = resolve(LINKED["aws"]["prerequisites.yaml"], {}, TARGETS["aws"]).outputs
    for step in catalog.NEXT_STEPS["prerequisites.yaml"]:
        launch = next(name for name in outputs if decode_if_launch(name, outputs, step))
        left = set(LINKED["aws"][step.template]["Parameters"]) - set(decode(outputs[launch]).parameters)
        assert {re.sub(r"For[A-Za-z]+Env$", "", each) for each in left} <= NEW_TO_THE_PIPELINES


def decode_if_launch(name: str, outputs: Mapping[str, str], step: NextStep) -> bool:
    return name.startswith("Launch") and decode(outputs[name]).template_url.endswith(f"/{step.template}")


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(
    project=st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9_-]{1,20}\Z"),
    role=st.text("+=,.@_-aZ9", min_size=1, max_size=64),
    path=st.sampled_from(["", "a/", "service-role/", "+=/@,/"]),
    existing=st.booleans(),
)
def test_names_survive_the_chain(project: str, role: str, path: str, existing: bool) -> None:
    values = {
        "CodeBuildNodejsProjectName": project,
        "CodeBuildNodejsServiceRoleName": f"{constraints.EXISTING}{path}{role}" if existing else role,
    }
    outputs = resolve(LINKED["aws"]["prerequisites.yaml"], values, TARGETS["aws"]).outputs
    assert decode(outputs["LaunchCodeBuildNodejs"]).parameters == {
        "CodeBuildProjectName": project,
        "CodeBuildServiceRoleName": path + role if existing else role,
    }


# What is itself in an address's fragment (RFC 3986) and also where a form's decoder reads it.
PLAIN = set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/:@,")
_parser: Any = importlib.import_module("re._parser")


def _alphabet(parsed: Any) -> Iterator[str]:
    """Every character that a match can have; what looks ahead only takes some away."""
    for kind, argument in parsed:
        match str(kind):
            case "LITERAL":
                yield chr(argument)
            case "RANGE":
                yield from map(chr, range(argument[0], argument[1] + 1))
            case "IN":
                yield from _alphabet(argument)
            case "MAX_REPEAT" | "MIN_REPEAT":
                yield from _alphabet(argument[2])
            case "SUBPATTERN":
                yield from _alphabet(argument[3])
            case "BRANCH":
                for branch in argument[1]:
                    yield from _alphabet(branch)
            case "ASSERT" | "ASSERT_NOT" | "AT":
                pass
            case _:
                raise ValueError(f"{kind}: no end of characters")


@pytest.mark.parametrize("constraint", REPLACED, ids=lambda constraint: constraint.words[:40])
def test_a_name_that_is_filled_in_has_only_characters_of_an_address(constraint: Constraint) -> None:
    alphabet = set(_alphabet(_parser.parse(constraint.pattern)))
    assert alphabet - PLAIN == set(REPLACED[constraint])


@pytest.mark.parametrize("constraint", [constraints.BRANCH, constraints.ROLE_NAME, constraints.LIFECYCLE_POLICY])
def test_other_values_are_not_filled_in(constraint: Constraint) -> None:
    assert constraint not in REPLACED
    with suppress(ValueError):
        assert set(_alphabet(_parser.parse(constraint.pattern))) - PLAIN > {"+", "="}


@pytest.mark.parametrize(
    ("value", "filled_in"),
    [
        ("a literal", False),
        ({"Ref": "Name"}, True),
        ({"Ref": "Branch"}, False),
        ({"Ref": "Project"}, True),
        ({"Ref": "Unnamed"}, False),
        ({"Ref": "AWS::StackName"}, True),
        ({"Ref": "AWS::NotificationARNs"}, False),
        ({"Fn::Sub": "x-${Name}-${AWS::Region}"}, True),
        ({"Fn::Sub": "x ${Name}"}, False),
        ({"Fn::Sub": "x-${Branch}"}, False),
        ({"Fn::Sub": ["${Name}", {"Name": {"Ref": "Branch"}}]}, False),
        ({"Fn::If": ["Condition of any name", "a", {"Ref": "Name"}]}, True),
        ({"Fn::If": ["C", "a", {"Ref": "Branch"}]}, False),
        ({"Fn::Join": ["&", [{"Ref": "Name"}, "b"]]}, False),
        ({"Fn::Join": ["", {"Fn::Split": ["=", {"Ref": "Name"}]}]}, True),
        ({"Fn::GetAtt": ["Project", "Arn"]}, False),
    ],
)
def test_only_what_may_stand_in_an_address_is_filled_in(value: Any, filled_in: bool) -> None:
    from troposphere import AWSHelperFn, Output, Parameter, Ref, Template
    from troposphere.codebuild import Project

    class Raw(AWSHelperFn):
        def __init__(self, data: Any) -> None:
            self.data = data

    template = Template()
    template.add_parameter(Parameter("Name", Type="String", AllowedPattern=constraints.BUILD_PROJECT.pattern))
    template.add_parameter(Parameter("Branch", Type="String", AllowedPattern=constraints.BRANCH.pattern))
    template.add_resource(Project("Project", validation=False, Name=Ref("Name")))
    template.add_resource(Project("Unnamed", validation=False))
    template.add_output(Output("Value", Value=Raw(value) if isinstance(value, dict) else value))
    add_next_step(template, NextStep("next.yaml"), {"Value": None, "Other": None}, "https://b.s3.amazonaws.com/p")
    launch = json.dumps(template.outputs["LaunchNext"].to_dict())
    assert ("&param_Value=${Value}" in launch) == filled_in
    assert "param_Other" not in launch


def test_the_address_must_be_one_of_s3() -> None:
    with pytest.raises(SettingsError, match=r"RenderSettings\.published_url"):
        catalog.templates(RenderSettings(published_url="https://example.com"))


def test_linked_templates_lint_without_findings(tmp_path: Path) -> None:
    for name, text in render(RenderSettings(published_url=PUBLISHED_URL["aws"])).items():
        if name in catalog.NEXT_STEPS:
            (tmp_path / name).write_text(text, encoding="utf-8")
    command = [str(Path(sys.executable).with_name("cfn-lint")), *map(str, tmp_path.iterdir()), "--include-checks", "I"]
    # I3042 is about the regions of other partitions; E3002 and the like are what this is for.
    linted = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (linted.returncode, linted.stdout, linted.stderr) == (0, "", "")


def test_repeated_regions_and_templates_make_no_repeated_links() -> None:
    found = links(FOLDER, only_templates=[NAMES[1]] * 2, only_regions=["us-east-1"] * 2)
    assert [(link.template, link.region) for link in found] == [(NAMES[1], "us-east-1")]


def test_values_for_a_template_without_a_link_are_refused() -> None:
    values = {"vpc.yaml": Parameters(values={}, file="vpc.json")}
    with pytest.raises(ParameterFileError, match=r"vpc\.json.*is for vpc\.yaml"):
        links(FOLDER, only_templates=["code-build-nodejs.yaml"], parameters=values)


def test_a_refused_value_is_named_with_its_file() -> None:
    values = {"vpc.yaml": Parameters(values={"Nope": "x"}, file="vpc.json")}
    with pytest.raises(ParameterError, match=r"Nope in vpc\.json"):
        links(FOLDER, parameters=values)


def test_markdown_takes_any_address_of_a_button() -> None:
    (link,) = links(FOLDER, only_templates=["vpc.yaml"], only_regions=["us-east-1"])
    assert "](<a b)c>)]" in to_markdown([link], "a b)c")
