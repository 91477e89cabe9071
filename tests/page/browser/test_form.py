"""The form: what it shows of a template, and what it says about a value."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page

from ecs_cd_templates import constraints
from ecs_cd_templates.cfn.constraint import Constraint
from ecs_cd_templates.cfn.evaluation import check_parameters
from ecs_cd_templates.errors import BucketError, ParameterError
from ecs_cd_templates.launch.bundle import Folder, check_bucket, checked_prefix, publication
from support import load, parameters, replace_catalogue

from .conftest import LaunchPages
from .reading import error, fill
from .synthetic import NAME, PARAMETERS, RULES, VALUES, WORDS, build

# As they are published: some defaults name the folder.
PUBLISHED = publication(Folder(bucket="my-templates", region="eu-west-1"))
TEMPLATES = {name: load(text.decode()) for name, text in PUBLISHED.files.items() if name.endswith(".yaml")}
CONSTRAINTS = {name: value for name, value in vars(constraints).items() if isinstance(value, Constraint)}

ALL = "deployment-pipeline-for-all-env.yaml"


@pytest.fixture
def synthetic(launch_page: LaunchPages, monkeypatch: pytest.MonkeyPatch) -> Page:
    replace_catalogue(monkeypatch, {NAME: build})
    return launch_page()


@pytest.mark.parametrize("name", TEMPLATES)
def test_form_has_all_parameters_in_their_groups(launch_page: LaunchPages, name: str) -> None:
    page = launch_page(template=name)
    interface = TEMPLATES[name]["Metadata"]["AWS::CloudFormation::Interface"]
    shown = page.evaluate(
        """() => [...document.querySelectorAll("details.group")].map((group) => ({
          label: group.querySelector("h3").textContent,
          fields: [...group.querySelectorAll("input, select, textarea")].map((control) => ({
            name: control.id.slice(2),
            label: control.labels[0].textContent,
            about: control.getAttribute("aria-describedby").split(" ").map((id) => element(id).textContent),
            value: control.value,
          })),
        }))"""
    )
    assert [group["label"] for group in shown] == [group["Label"]["default"] for group in interface["ParameterGroups"]]
    names = [[field["name"] for field in group["fields"]] for group in shown]
    assert names == [group["Parameters"] for group in interface["ParameterGroups"]]
    assert sorted(one for group in names for one in group) == sorted(TEMPLATES[name]["Parameters"])
    for field in (field for group in shown for field in group["fields"]):
        parameter = TEMPLATES[name]["Parameters"][field["name"]]
        assert field["label"] == interface["ParameterLabels"][field["name"]]["default"]
        assert field["about"] == [
            f"{parameter['Description']} {field['name']}",
            parameter["ConstraintDescription"],
            "",
        ]
        assert field["value"] == str(parameter.get("Default", ""))


@pytest.mark.parametrize("name", TEMPLATES)
def test_example_values_are_accepted(launch_page: LaunchPages, name: str) -> None:
    page = launch_page(template=name)
    fill(page, parameters(name))
    assert page.inner_text("#status") == "All is filled in: ready to launch."
    assert page.inner_text("#problems") == ""


def test_long_forms_fold_what_is_filled_in_already(launch_page: LaunchPages) -> None:
    page = launch_page()
    for name, template in TEMPLATES.items():
        page.select_option("#w-template", name)
        for group in template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]:
            blank = any("Default" not in template["Parameters"][one] for one in group["Parameters"])
            visible = page.is_visible(f"#p-{group['Parameters'][0]}")
            assert visible == (blank or len(template["Parameters"]) <= 40), (name, group)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("Pattern", "b", f"This is not accepted. {WORDS}"),
        ("Pattern", "a\n", f"This is not accepted. {WORDS}"),
        ("Length", "a", f"This has 1 characters; at least 2 are needed. {WORDS}"),
        ("Length", "abcde", f"This has 5 characters; 4 at most are accepted. {WORDS}"),
        ("Whole", "0", f"This is less than 1. {WORDS}"),
        ("Whole", "11", f"This is more than 10. {WORDS}"),
        ("Whole", "7.5", f"This is not a whole number. {WORDS}"),
        ("Whole", "", f"Fill this in. {WORDS}"),
        ("Days", "2", f"This is not one of the choices. {WORDS}"),
        ("Choice", "three", f"This is not one of the choices. {WORDS}"),
        ("Vpc", "subnet-01", f"Give IDs that look like vpc-0a1b2c3d. {WORDS}"),
        ("Vpc", "", f"Fill this in. {WORDS}"),
        ("Subnet", "subnet-01,subnet-02", f"Give IDs that look like subnet-0a1b2c3d. {WORDS}"),
        ("Filled", "", f"Fill this in. {WORDS}"),
        ("Anything", "\u00fc" * 2049, "This is longer than the 4,096 bytes that CloudFormation takes."),
        ("Anything", "half \ud83d", "This has half a character in it: type it again."),
    ],
)
def test_says_in_words_what_is_wrong(synthetic: Page, name: str, value: str, message: str) -> None:
    fill(synthetic, VALUES)
    assert synthetic.inner_text("#status") == "All is filled in: ready to launch."

    # A list to choose from shows what it does not offer only if it was loaded.
    synthetic.evaluate(
        "([name, value]) => { values().set(name, value); visited.add(`p-${name}`); render(); }", [name, value]
    )
    assert error(synthetic, name) == message
    assert synthetic.get_attribute(f"#p-{name}", "aria-invalid") == "true"
    assert synthetic.get_attribute("#launch", "href") is None
    assert synthetic.get_attribute("#launch", "aria-disabled") == "true"
    assert synthetic.inner_text("#status").startswith("Not ready to launch. To ")
    assert f"{name} \u2013 {message}" in synthetic.inner_text("#problems")

    synthetic.evaluate("([name, value]) => { values().set(name, value); render(); }", [name, VALUES[name]])
    assert error(synthetic, name) == ""
    assert synthetic.get_attribute(f"#p-{name}", "aria-invalid") == "false"
    assert synthetic.get_attribute("#launch", "href") is not None


def test_says_that_a_field_is_blank_once_it_was_left(launch_page: LaunchPages) -> None:
    page = launch_page(template=ALL)
    assert page.inner_text("#problems") == ""
    page.focus("#p-SNSTopicName")
    assert error(page, "SNSTopicName") == ""
    page.keyboard.press("Tab")
    assert error(page, "SNSTopicName").startswith("Fill this in. Give the name of a standard topic, not its ARN")


def test_real_pattern_and_rule(launch_page: LaunchPages) -> None:
    page = launch_page(template=ALL)
    fill(page, parameters(ALL))
    same = {"CodePipelineNameForQAEnv": "ecs-cd-dev"}
    fill(page, same)
    message = (
        "Each environment needs a pipeline of its own: "
        "CodePipelineNameForDevEnv and CodePipelineNameForQAEnv are the same."
    )
    assert error(page, "CodePipelineNameForDevEnv") == message
    assert error(page, "CodePipelineNameForQAEnv") == message
    assert page.inner_text("#status") == "Not ready to launch. To correct: 2."
    fill(page, {"CodePipelineNameForDevEnv": "a b"})
    words = TEMPLATES[ALL]["Parameters"]["CodePipelineNameForDevEnv"]["ConstraintDescription"]
    assert error(page, "CodePipelineNameForDevEnv") == f"This is not accepted. {words}"
    assert error(page, "CodePipelineNameForQAEnv") == ""
    fill(page, {"CodePipelineNameForDevEnv": "other"})
    assert page.inner_text("#status") == "All is filled in: ready to launch."


@pytest.mark.parametrize(
    ("values", "broken"),
    [
        ({}, []),
        ({"Anything": "same", "Defaulted": "same"}, ["Distinct"]),
        ({"Choice": "one"}, ["Together"]),
        ({"Choice": "one", "Whole": "8"}, []),
        ({"Choice": "one", "Whole": "9"}, []),
        ({"Choice": "one", "Whole": "9", "Days": "1"}, ["Together"]),
        ({"Choice": "two", "Whole": "1", "Days": "1"}, []),
        ({"Vpc": "vpc-1"}, []),
        ({"Filled": "out"}, ["Decided"]),
    ],
)
def test_rules_are_checked(synthetic: Page, values: dict[str, str], broken: list[str]) -> None:
    fill(synthetic, VALUES | values)
    shown = [
        name for name in RULES if RULES[name]["Assertions"][0]["AssertDescription"] in synthetic.inner_text("#problems")
    ]
    assert shown == broken
    assert (synthetic.get_attribute("#launch", "href") is None) == bool(broken)


def test_rule_about_no_field_is_said_in_the_summary(synthetic: Page) -> None:
    fill(synthetic, VALUES)
    synthetic.select_option("#w-region", "eu-west-2")
    assert synthetic.inner_text("#problems") == "Not in London."
    assert synthetic.inner_text("#status") == "Not ready to launch. To correct: 1."


def test_texts_of_a_template_are_text(synthetic: Page) -> None:
    assert synthetic.inner_text("#about") == build().description
    assert synthetic.inner_text("#p-Anything-help") == "<i>Anything</i> {title} Anything"


GENERAL = [
    *(
        "",
        " ",
        "a",
        "A",
        "0",
        "-",
        "_",
        ".",
        "/",
        "a b",
        "a/b",
        "a.b",
        "a..b",
        "a-b",
        "a_b",
        "a:b",
        "a@b",
        "a\n",
        "\na",
    ),
    *("a\tb", "a\r\nb", "\u00e9", "\u212a", "\U0001f600", "a\u2028b", "\x85", "ab", "abc", "ABC", "a--b", "a__b", "a/"),
    *("/a", "master", "HEAD", "@", "x.git", "x.lock", "f" * 40, "0" * 39, "arn:aws:iam::1:role/x", "existing:a"),
    *("existing:", "existing:a/b", "service-role/Mine", "a@b.c", "a@b", "xn--a", "sthree-a", "192.168.0.1", "a.b.c"),
    *(
        "{",
        "{}",
        '{"a":1}',
        "${a}",
        "#{a}",
        "@{a}",
        "{" + "x" * 98 + "}",
        " {" + "\n" * 98 + "}\n",
        "{" + "x" * 97 + "}",
        # Characters are counted, not the units that JavaScript counts.
        *("\U0001f600" * length for length in (200, 256, 257)),
    ),
    *(
        letter * length
        for letter in "aA0"
        for length in (2, 3, 63, 64, 65, 100, 150, 151, 255, 256, 257, 575, 576, 4096)
    ),
]


def test_verdicts_are_those_of_the_constraints(launch_page: LaunchPages) -> None:
    page = launch_page()
    cases = [(name, value) for name, one in CONSTRAINTS.items() if one.pattern for value in GENERAL]
    sent: list[Any] = [[{"Type": "String", **CONSTRAINTS[name].properties()}, value] for name, value in cases]
    verdicts = page.evaluate("cases => cases.map(([parameter, value]) => problem(parameter, value) === null)", sent)
    expected = [CONSTRAINTS[name].accepts(value) for name, value in cases]
    different = [case for case, one, other in zip(cases, verdicts, expected, strict=True) if one != other]
    assert different == []
    assert len(cases) > 1_000
    assert {True, False} == set(expected)


def test_verdicts_are_those_of_the_resolver(launch_page: LaunchPages) -> None:
    """For each parameter of the catalogue, numbers and choices among them."""
    page = launch_page()
    numbers = ["0", "1", "-1", "007", "1.5", "1e3", "+1", " 1", "3650", "3651", "99999999999999999999", "365", "\u0661"]
    distinct = {
        str(sorted((key, str(value)) for key, value in parameter.items() if key != "Description")): parameter
        for template in TEMPLATES.values()
        for parameter in template["Parameters"].values()
        if "AWS::" not in parameter["Type"] and "List" not in parameter["Type"]
    }
    cases = [(parameter, value) for parameter in distinct.values() for value in [*GENERAL, *numbers]]
    verdicts = page.evaluate(
        "cases => cases.map(([parameter, value]) => problem(parameter, value) === null)", [list(case) for case in cases]
    )
    different = [
        case for case, verdict in zip(cases, verdicts, strict=True) if verdict != _accepted({"One": case[0]}, case[1])
    ]
    assert different == []


def _accepted(template_parameters: dict[str, Any], value: str) -> bool:
    try:
        check_parameters({"Parameters": template_parameters}, {"One": value})
    except ParameterError:
        return False
    return True


BUCKETS = [
    *(
        "my-templates",
        "abc",
        "ab",
        "a" * 63,
        "a" * 64,
        "My-templates",
        "a_b",
        "a.b.c",
        "-abc",
        "abc-",
        "xn--abc",
        "a b",
    ),
    *(
        "sthree-abc",
        "amzn-s3-demo-abc",
        "abc-s3alias",
        "abc--ol-s3",
        "abc--x-s3",
        "abc--table-s3",
        "s3://abc",
        "\u00fcber",
    ),
]
FOLDERS = [
    *("", "a", "a/b", "/a/", "//a", "a//b", "a/./b", "a/../b", "..", ".", "...", "a/...", "a b", "a\tb", "a\u00a0b"),
    *("\u65e5\u672c", "a\u200bb", "a\x7fb", "a\u2028b", "a?b#c&d=e", "</script>", "'\"", "a\\b", "%2e%2e/a", "a/.b"),
]


def test_buckets_and_folders_are_those_that_the_command_takes(launch_page: LaunchPages) -> None:
    page = launch_page()
    verdict = "([name, value]) => { where[name] = value; return whereProblem(name, whereFields()[name]) === null; }"
    for name, values, check in (("bucket", BUCKETS, check_bucket), ("prefix", FOLDERS, checked_prefix)):
        for value in values:
            assert page.evaluate(verdict, [name, value]) == _takes(check, value), (name, value)


def _takes(check: Any, value: str) -> bool:
    try:
        check(value)
    except BucketError:
        return False
    return True


def test_choosing_a_template_changes_form_and_stack_name_and_keeps_what_was_typed(launch_page: LaunchPages) -> None:
    page = launch_page(template="code-build-nodejs.yaml")
    assert page.input_value("#w-stackName") == "code-build-nodejs"
    page.fill("#p-CodeBuildProjectName", "typed-before")
    page.select_option("#w-template", "code-build-containerImage.yaml")
    assert page.input_value("#w-stackName") == "code-build-container-image"
    assert page.input_value("#p-CodeBuildProjectName") == "", "the two projects must not get the same name"
    page.select_option("#w-template", "code-build-nodejs.yaml")
    assert page.input_value("#p-CodeBuildProjectName") == "typed-before"


def test_fields_of_the_page_itself_are_checked(launch_page: LaunchPages) -> None:
    page = launch_page(template="code-build-nodejs.yaml")
    fill(page, parameters("code-build-nodejs.yaml"))
    for name, bad, good in (
        ("stackName", "1st", "first"),
        ("bucket", "Bad_Bucket", "good-bucket"),
        ("prefix", "a/../b", "a/b"),
    ):
        page.fill(f"#w-{name}", bad)
        assert page.get_attribute("#launch", "href") is None
        assert page.inner_text(f"#w-{name}-error").strip() != ""
        page.fill(f"#w-{name}", "" if name != "prefix" else "//")
        page.fill(f"#w-{name}", good)
        assert page.inner_text(f"#w-{name}-error").strip() == ""
        assert page.get_attribute("#launch", "href") is not None
    page.select_option("#w-region", "cn-north-1")
    assert "another partition" in page.inner_text("#w-bucketRegion-error")
    page.select_option("#w-bucketRegion", "cn-northwest-1")
    assert page.get_attribute("#launch", "href") is not None


def test_region_that_lacks_a_service_is_kept_and_refused(launch_page: LaunchPages) -> None:
    page = launch_page(template="code-build-nodejs.yaml")
    fill(page, parameters("code-build-nodejs.yaml"))
    everywhere = page.evaluate("template().regions")
    narrow = page.evaluate("data.templates['deployment-pipeline-for-all-env.yaml'].regions")
    (lacking, *_) = sorted(set(everywhere) - set(narrow)) or pytest.skip("every region has every service")
    page.select_option("#w-region", lacking)
    page.select_option("#w-template", ALL)
    assert page.input_value("#w-region") == lacking
    assert "every service" in page.inner_text("#w-region-error")


def test_every_synthetic_parameter_has_its_kind_of_control(synthetic: Page) -> None:
    kinds = {name: synthetic.eval_on_selector(f"#p-{name}", "one => one.type") for name in PARAMETERS}
    assert kinds == {
        "Anything": "textarea",
        "Defaulted": "textarea",
        "Pattern": "textarea",
        "Length": "text",
        "Choice": "select-one",
        "Whole": "text",
        "Days": "select-one",
        "Vpc": "text",
        "Subnet": "text",
        "Filled": "text",
    }
