"""Any value comes back from an address as it was, or it is said to be left out."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ecs_cd_templates.errors import (
    EcsCdTemplatesError,
    ParameterError,
)
from ecs_cd_templates.launch.quick_create import MAX_ADDRESS_LENGTH, launch_command, stack_name
from forms import decode, quick
from support import FILES, built, parameters

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
@pytest.mark.slow
def test_values_that_a_form_accepts_come_back_as_they_were(name: str, data: st.DataObject) -> None:
    asked = built()[name]["Parameters"]
    few = data.draw(st.lists(st.sampled_from(sorted(asked)), min_size=1, max_size=3, unique=True))
    values = {each: data.draw(_accepted(asked[each])) for each in few}
    form = decode(quick(values, built()[name]).address)
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
    created = quick(parameters(name) | long, built()[name])
    assert set(created.left_out) == {"LifecyclePolicyTextForProdEnv"}
    assert decode(created.address).parameters == created.filled_in
    assert set(created.filled_in) == set(parameters(name) | long) - set(created.left_out)


def test_the_longest_value_is_the_one_that_is_longest_in_an_address() -> None:
    created = quick({"One": "x" * 2000, "Two": "%" * 1500}, TWO)
    assert set(created.left_out) == {"Two"}


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


@pytest.mark.parametrize("size", [51_200, 51_201])
def test_the_command_gives_the_stack_its_tags(size: int) -> None:
    tags = [("team", "shop"), ("cost centre", "a=b /1")]
    words = shlex.split(
        launch_command(
            template_file="t.yaml",
            template_url="https://my-bucket.s3.eu-west-1.amazonaws.com/t.yaml",
            template={"Resources": {}},
            size=size,
            region="eu-west-1",
            stack_name="t",
            values={"A": "b"},
            tags=tags,
        )
    )
    given = words[words.index("--tags") + 1 : words.index("--parameters" if size > 51_200 else "--parameter-overrides")]
    if size > 51_200:
        (rows,) = given
        assert json.loads(rows) == [{"Key": key, "Value": value} for key, value in tags]
    else:
        assert [tuple(pair.split("=", 1)) for pair in given] == tags


VALUES = {"A": "b c", "B": "$(rm -rf ~)", "C": "'\"`\\", "D": "a\nb,ParameterKey=E", "E": "", "F": "\u65e5\u2028"}


@pytest.mark.parametrize(("size", "large"), [(51_200, False), (51_201, True)])
@pytest.mark.parametrize(("kind", "capable"), [("AWS::IAM::Role", True), ("AWS::S3::Bucket", False)], ids=str)
def test_the_command_quotes_and_asks_for_what_the_template_needs(
    kind: str, capable: bool, size: int, large: bool
) -> None:
    def words(values: Mapping[str, str], file: str | None) -> list[str]:
        command = launch_command(
            template_file="my templates/t.yaml",
            template_url="https://my-bucket.s3.eu-west-1.amazonaws.com/%28a%29/t.yaml",
            template={"Resources": {"One": {"Type": kind}}},
            size=size,
            region="eu-west-1",
            stack_name="t",
            values=values,
            file=file,
        )
        return shlex.split(command)

    expected = ["aws", "cloudformation", "create-stack" if large else "deploy"]
    expected += ["--region", "eu-west-1", "--stack-name", "t"]
    # What is too large to be sent is read from where it was published, whatever the region: the AWS CLI's deploy
    # would look for the bucket in the stack's region.
    if large:
        expected += ["--template-url", "https://my-bucket.s3.eu-west-1.amazonaws.com/%28a%29/t.yaml"]
    else:
        expected += ["--template-file", "my templates/t.yaml"]
    expected += ["--capabilities", "CAPABILITY_NAMED_IAM"] if capable else []
    assert words({}, None) == expected
    expected.append("--parameters" if large else "--parameter-overrides")
    assert words(VALUES, "a b.json") == [*expected, "file://a b.json"]
    *before, values = words(VALUES, None) if large else (*expected, "[]")
    if large:
        assert before == expected
        assert json.loads(values) == [{"ParameterKey": key, "ParameterValue": value} for key, value in VALUES.items()]
    else:
        assert words(VALUES, None) == [*expected, *(f"{key}={value}" for key, value in VALUES.items())]
