"""Every link opens the form that it says, filled in with what it was given; the tables say the same."""

from __future__ import annotations

import json
import re
import shlex
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

import pytest

from ecs_cd_templates import PipelineSettings, RenderSettings, catalog
from ecs_cd_templates.cfn.partitions import PARTITIONS
from ecs_cd_templates.cfn.regions import lacking, regions
from ecs_cd_templates.errors import (
    ParameterError,
    ParameterFileError,
    RegionError,
)
from ecs_cd_templates.launch.bundle import Folder
from ecs_cd_templates.launch.links import (
    BUTTON,
    Link,
    Parameters,
    links,
    read_parameters_for,
    to_html,
    to_json,
    to_markdown,
    to_text,
)
from ecs_cd_templates.launch.quick_create import MAX_ADDRESS_LENGTH, stack_name
from forms import decode
from support import (
    BUCKET_REGIONS,
    FILES,
    ROOT,
    TARGET,
    built,
    data,
    key_arn,
    parameters,
    published,
    published_data,
    rendered,
)

NAMES = list(catalog.templates())
VALUES = {name: parameters(name) for name in NAMES}
FOLDER = Folder(bucket="my-bucket", region="eu-west-1")


@pytest.mark.parametrize(
    ("filled_in", "nested"), [(False, False), (True, False), (True, True)], ids=["blank", "filled in", "nested"]
)
@pytest.mark.parametrize("partition", PARTITIONS)
@pytest.mark.slow
def test_every_link_opens_its_template_in_its_region(partition: str, filled_in: bool, nested: bool) -> None:
    folder = Folder(bucket="my-bucket", region=BUCKET_REGIONS[partition], prefix="team/(a)!")
    given_values = {name: Parameters(values=VALUES[name], file=FILES[name]) for name in NAMES} if filled_in else {}
    publication = published(folder, nested=nested)
    assert set(NAMES) <= publication.files.keys()
    found = links(folder, nested=nested, parameters=given_values)
    assert [(link.template, link.region) for link in found] == [
        (name, region) for name in NAMES for region in regions(built()[name])[partition]
    ]
    assert {link.template for link in found} == set(NAMES), "every template has a region in every partition"
    domains = PARTITIONS[partition]
    for link in found:
        form = decode(link.address)
        assert form.host == f"{link.region}.{domains.console_domain}"
        assert form.region == link.region
        assert form.template_url == link.template_url == f"{publication.url}/{link.template}"
        template_url = urlsplit(form.template_url)
        assert template_url.netloc == f"my-bucket.s3.{folder.region}.{domains.url_suffix}"
        assert unquote(template_url.path) == f"/team/(a)!/{publication.version}/{link.template}"
        assert form.stack_name == link.stack_name == stack_name(link.template)
        assert re.fullmatch(r"[a-z][a-z0-9-]{0,127}", form.stack_name)
        assert form.parameters == link.parameters == (VALUES[link.template] if filled_in else {})
        assert form.parameters.keys() <= built()[link.template]["Parameters"].keys()
        assert link.left_out == {}
        assert len(quote(link.address, safe="")) <= MAX_ADDRESS_LENGTH
        _assert_command_does_the_same(link, given_values)
        assert ("--nested-base-url" in link.note) == (nested and " deploy " in link.command)


def _assert_command_does_the_same(link: Link, given_values: Mapping[str, Parameters]) -> None:
    words = shlex.split(link.command)
    text = rendered()[link.template]
    # What is larger can be sent from S3 only, and the AWS CLI's deploy takes no bucket of another region.
    large = len(text.encode()) > 51_200
    assert words[:3] == ["aws", "cloudformation", "create-stack" if large else "deploy"]
    options = dict(zip(words[3::2], words[4::2], strict=True))
    assert options.pop("--region") == link.region
    assert options.pop("--stack-name") == link.stack_name
    if large:
        assert options.pop("--template-url") == link.template_url
    else:
        assert options.pop("--template-file") == f"templates/{link.template}"
    if link.template in given_values:
        file = options.pop("--parameters" if large else "--parameter-overrides")
        assert file == f"file://{FILES[link.template]}"
    if "Type: AWS::IAM::" in text:
        assert options.pop("--capabilities") == "CAPABILITY_NAMED_IAM"
    assert options == {}


@pytest.mark.parametrize("nested", [False, True], ids=["", "nested"])
@pytest.mark.parametrize(
    "settings", [RenderSettings(), RenderSettings(architecture="ARM64")], ids=["default settings", "others"]
)
def test_a_note_says_how_to_render_what_the_command_reads(settings: RenderSettings, nested: bool) -> None:
    (link,) = links(FOLDER, settings, nested=nested, only_templates=["vpc.yaml"], only_regions=["us-east-1"])
    url = link.template_url.removesuffix("/vpc.yaml")
    if nested:
        same = f"the same settings as here and --nested-base-url {url}"
        assert link.note == f"The command reads templates/: render it with {same}."
    elif settings != RenderSettings():
        assert link.note == "The command reads templates/: render it with the same settings as here."
    else:
        assert link.note == ""
    for text in (to_markdown([link]), to_html([link]), to_text([link])):
        assert ("The command reads templates/" in text) == (link.note != "")


@pytest.mark.parametrize("name", ["vpc.yaml", "quick-start.yaml"])
def test_the_command_gives_the_stack_the_tags(name: str) -> None:
    settings = RenderSettings(tags=[("team", "shop"), ("cost centre", "4711")])
    (link,) = links(FOLDER, settings, only_templates=[name], only_regions=["us-east-1"])
    rows = '[{"Key":"team","Value":"shop"},{"Key":"cost centre","Value":"4711"}]'
    given = ["team=shop", "cost centre=4711"] if " deploy " in link.command else [rows]
    words = shlex.split(link.command)
    assert words[words.index("--tags") + 1 :] == given


def test_a_key_of_another_region_is_refused() -> None:
    """CloudFormation has no rule that could."""
    settings = RenderSettings(pipeline=PipelineSettings(own_key=True))
    name = "code-build-nodejs.yaml"
    given = {name: Parameters(values=VALUES[name] | {"KmsKeyArn": key_arn(TARGET)})}
    (link,) = links(FOLDER, settings, only_templates=[name], only_regions=["us-east-1"], parameters=given)
    assert link.parameters["KmsKeyArn"] == key_arn(TARGET)
    for only_regions in (["eu-west-1"], []):
        with pytest.raises(ParameterError, match=r"is in us-east-1, and a stack in \S+ needs a key there"):
            links(FOLDER, settings, only_templates=[name], only_regions=only_regions, parameters=given)


def test_what_the_command_reads_makes_what_is_published() -> None:
    templates = published_data(FOLDER.url(published(FOLDER).version))
    for link in links(FOLDER, only_regions=["us-east-1"]):
        if "--template-url" not in link.command:
            for section in ("Parameters", "Rules", "Conditions", "Resources"):
                assert templates[link.template].get(section) == data()[link.template].get(section)


def test_the_command_for_a_large_template_passes_what_is_given_and_nothing_else() -> None:
    name = "quick-start.yaml"
    values = {key: str(each["Default"]) for key, each in built()[name]["Parameters"].items() if "Default" in each}
    rows = [{"ParameterKey": key, "ParameterValue": value} for key, value in values.items()]
    for given, passed in (
        (Parameters(values={}), []),
        (Parameters(values=values, file="v.json"), ["--parameters", "file://v.json"]),
        (Parameters(values=values), ["--parameters", json.dumps(rows, ensure_ascii=False, separators=(",", ":"))]),
    ):
        (link,) = links(FOLDER, only_templates=[name], only_regions=["us-east-1"], parameters={name: given})
        assert shlex.split(link.command)[9:] == ["--capabilities", "CAPABILITY_NAMED_IAM", *passed]


def test_no_command_names_a_bucket_of_another_region() -> None:
    # https://github.com/aws/aws-cli/issues/4372
    assert [link for link in links(FOLDER) if "--s3-bucket" in link.command and link.region != FOLDER.region] == []


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
    pipelines = "deployment-pipeline-for-all-env.yaml"
    every = regions({"Resources": {"Bucket": {"Type": "AWS::S3::Bucket"}}})["aws"]
    somewhere = [region for region in every if "codepipeline" in lacking(built()[pipelines], region)]
    if not somewhere:
        pytest.skip("every region has CodePipeline now")
    for nested in (False, True):
        with pytest.raises(RegionError, match=f"has no .*codepipeline.*, which {pipelines} uses"):
            links(FOLDER, nested=nested, only_templates=[pipelines], only_regions=somewhere[:1])


def test_the_longest_prefix_leaves_room_for_values() -> None:
    folder = Folder(bucket="b" * 63, region="us-gov-west-1", prefix="(" * 200)
    found = links(folder, parameters={name: Parameters(values=VALUES[name]) for name in NAMES})
    assert all(link.left_out == {} for link in found if link.template != "prerequisites.yaml")


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


def test_markdown_takes_any_address_of_a_button() -> None:
    (link,) = links(FOLDER, only_templates=["vpc.yaml"], only_regions=["us-east-1"])
    assert "](<a b)c>)]" in to_markdown([link], "a b)c")


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
