"""The constraints take what the services take and nothing more, in each dialect that reads their patterns."""

from __future__ import annotations

import ipaddress
import itertools
import json
import os
import re
import shutil
import string
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import botocore.session
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecs_cd_templates import PipelineSettings, SettingsError, catalog, constraints
from ecs_cd_templates.cfn.constraint import Constraint
from ecs_cd_templates.cfn.partitions import PARTITIONS
from ecs_cd_templates.constraints import EXISTING, ResourceName, or_existing
from ecs_cd_templates.environments import ENVIRONMENTS
from ecs_cd_templates.parameters import ParameterSpec
from ecs_cd_templates.stacks import prerequisites

CONSTRAINTS = {
    name: value
    for name, value in vars(constraints).items()
    if isinstance(value, Constraint) and value.pattern is not None
}
PATTERNS = {name: constraint.pattern or "" for name, constraint in CONSTRAINTS.items()}
# Those of the templates' parameters, too: some are put together from several.
ALL_PATTERNS = sorted(
    set(PATTERNS.values())
    | {
        parameter.AllowedPattern
        for build in catalog.templates().values()
        for parameter in build().parameters.values()
        if "AllowedPattern" in parameter.properties
    }
)

# The same examples on every run, and no deadline: the first use of a service model is slow.
REPEATABLE = settings(derandomize=True, database=None, deadline=None, max_examples=120)


@dataclass(frozen=True)
class ServiceRule:
    r"""A shape of an API model. Its pattern is Java's, whose ``\w`` is ASCII."""

    pattern: str
    least: int
    most: int

    def accepts(self, value: str) -> bool:
        return self.least <= len(value) <= self.most and re.fullmatch(self.pattern, value, re.ASCII) is not None

    def examples(self) -> st.SearchStrategy[str]:
        return st.from_regex(re.compile(self.pattern, re.ASCII), fullmatch=True)


@cache
def service_rule(service: str, shape: str) -> ServiceRule:
    metadata = botocore.session.get_session().get_service_model(service).shape_for(shape).metadata
    return ServiceRule(metadata["pattern"], metadata["min"], metadata["max"])


def _rules(name: str) -> list[ServiceRule]:
    return [service_rule(*shape) for shape in SHAPES[name]]


def _is_role(value: str) -> bool:
    """Whether IAM has such a role: the value is a path without its leading slash, and a name."""
    name_rule, path_rule = _rules("ROLE_NAME")
    path, slash, name = value.rpartition("/")
    return (
        name_rule.accepts(name)
        and path_rule.accepts(f"/{path}/" if slash else "/")
        # The ARN is made of role/ and the value; one that starts with arn: is taken for a whole ARN.
        and not value.startswith(("/", "arn:"))
    )


SHAPES = {
    "PIPELINE_NAME": [("codepipeline", "PipelineName"), ("events", "RuleName")],
    "ROLE_NAME": [("iam", "roleNameType"), ("iam", "pathType")],
    "NAMED_ROLE": [("iam", "roleNameType"), ("iam", "pathType")],
    "NEW_ROLE_NAME": [("iam", "roleNameType")],
    "BUCKET_NAME": [("codepipeline", "ArtifactStoreLocation")],
    "CODECOMMIT_REPOSITORY": [("codecommit", "RepositoryName")],
    "BUILD_PROJECT": [("codebuild", "ProjectName")],
    "ECR_REPOSITORY": [("ecr", "RepositoryName")],
}
# What the models leave out; everything else that each of the shapes takes must be accepted.
SERVICE_ACCEPTS: dict[str, Callable[[str], bool]] = {
    name: lambda value, name=name: all(rule.accepts(value) for rule in _rules(name)) for name in SHAPES
} | {
    "ROLE_NAME": _is_role,
    "NAMED_ROLE": lambda value: _is_role(value) and set(value) <= set(f"{string.ascii_letters}{string.digits}_+=,.@-/"),
    "CODECOMMIT_REPOSITORY": lambda value: (
        _rules("CODECOMMIT_REPOSITORY")[0].accepts(value) and not value.endswith(".git")
    ),
}


@st.composite
def _candidates(draw: st.DrawFn, name: str) -> str:
    """A value that the service accepts, or that ours accepts, or either of them with something put in."""
    ours = st.from_regex(PATTERNS[name], fullmatch=True)
    if ("iam", "pathType") in SHAPES[name]:
        role, path = _rules(name)
        theirs = st.builds(lambda path, name: path[1:] + name, path.examples(), role.examples())
    else:
        theirs = st.one_of([rule.examples() for rule in _rules(name)])
    value = draw(ours | theirs)
    if draw(st.booleans()):
        return value
    place = draw(st.integers(0, len(value)))
    return value[:place] + draw(st.sampled_from("/.-_@+=,: \n\"'\\${}#*") | st.characters()) + value[place:]


@pytest.mark.parametrize("name", SHAPES)
@given(data=st.data())
@REPEATABLE
def test_accepts_what_the_service_accepts_and_nothing_more(name: str, data: st.DataObject) -> None:
    value = data.draw(_candidates(name))
    assert CONSTRAINTS[name].accepts(value) == SERVICE_ACCEPTS[name](value)


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("shape", ["{filler}", "{filler}/b", "b/{filler}"])
def test_has_the_lengths_of_the_service(name: str, shape: str) -> None:
    for length in range(600):
        value = shape.format(filler="a" * length)
        assert CONSTRAINTS[name].accepts(value) == SERVICE_ACCEPTS[name](value), len(value)


# SNS and ECS have no pattern in their models; the pages that the module names give these characters.
@pytest.mark.parametrize("name", ["TOPIC_NAME", "ECS_NAME"])
@given(value=st.text(st.characters(max_codepoint=0x2FF) | st.sampled_from("\u0430\u2010\u212a\uff4e"), min_size=1))
@REPEATABLE
def test_accepts_the_documented_characters_only(name: str, value: str) -> None:
    assert CONSTRAINTS[name].accepts(value) == (set(value) <= set(f"{string.ascii_letters}{string.digits}_-"))


BRANCH_PIECES = (
    *("a", "f", "0" * 39, "release", "HEAD", "master", "\u00fc", "\u2028", "\x85", "\x7f", "\x1f", "\n", " "),
    *("/", "//", ".", "..", ".lock", ".git", "-", "_", "@", "@{", "#", "#{", "{", "}", "$", "'", '"', "\\"),
    *("~", "^", ":", "?", "*", "[", "]", "!", "&", "|", ";", "`", "+", "=", ","),
)


@given(value=st.lists(st.sampled_from(BRANCH_PIECES), min_size=1, max_size=4).map("".join))
@settings(REPEATABLE, max_examples=400)
@pytest.mark.slow
def test_accepts_the_branches_that_git_and_codecommit_accept(value: str) -> None:
    codecommit = not re.fullmatch("[0-9a-fA-F]{40}", value) and value != "@"
    codepipeline = "#{" not in value
    assert constraints.BRANCH.accepts(value) == (_git_accepts(value) and codecommit and codepipeline)


def _git_accepts(branch: str) -> bool:
    """Both as a reference and as what a user may call a branch."""
    git = _program("git")
    return all(
        # Outside any repository, where @{-1} stands for nothing.
        subprocess.run(
            [git, "check-ref-format", *arguments], cwd=tempfile.gettempdir(), capture_output=True, check=False
        ).returncode
        == 0
        for arguments in ([f"refs/heads/{branch}"], ["--branch", branch])
    )


JSON_OBJECTS = st.dictionaries(st.text(), st.text() | st.integers() | st.lists(st.text(max_size=40)))


@given(policy=JSON_OBJECTS, indent=st.sampled_from([None, 2]), ascii_only=st.booleans())
@settings(REPEATABLE, max_examples=50)
def test_accepts_every_json_object_of_a_lifecycle_policys_length(
    policy: dict[str, object], indent: int | None, ascii_only: bool
) -> None:
    shortest = botocore.session.get_session().get_service_model("ecr").shape_for("LifecyclePolicyText").metadata["min"]
    text = json.dumps(policy, indent=indent, ensure_ascii=ascii_only)
    padded = text.replace("{", "{" + " " * 98, 1)
    assert constraints.LIFECYCLE_POLICY.accepts(text) == (shortest <= len(text) <= 4096)
    assert constraints.LIFECYCLE_POLICY.accepts(padded) == (len(padded) <= 4096)
    assert constraints.LIFECYCLE_POLICY.accepts(f"\n{padded}\r\n") == (len(padded) <= 4093)


# A name of any kind has none of these.
NO_NAME = (
    *("", " ", "na me", " name", "name ", "na\tme", "na\nme", "name\n", "\nname", "name\r\n", "na\0me"),
    *('na"me', "na'me", "na`me", "na\\me", "na;me", "na*me", "*", "na:me", "na?me"),
    *("${X}", "${AWS::Region}", "#{SourceVariables.X}", "$(id)", "<name>", "{name}", "name%20"),
    *("arn:aws:iam::123456789012:role/name", "/name", "name/", "/", "//"),
    # Cyrillic a, fullwidth n, hyphen, dot leader, Arabic digit, kelvin sign, ligature, invisible and other spaces.
    *("n\u0430me", "\uff4eame", "na\u2010me", "na\u2024me", "name\u0661", "\u212aname", "\ufb01le", "n\u00e4me"),
    *("na\u200bme", "na\u00a0me", "name\u2028", "name\x85", "\ufeffname"),
)
KEY = "arn:aws:kms:eu-west-1:123456789012:key/12345678-90ab-cdef-1234-567890abcdef"
CONNECTION = "arn:aws:codeconnections:eu-west-1:123456789012:connection/01234567-89ab-cdef-0123-456789abcdef"
OLDER_CONNECTION = CONNECTION.replace("codeconnections", "codestar-connections")
HOST = "arn:aws:codeconnections:eu-west-1:123456789012:host/My-Host-28aef605"
NO_CONNECTION = (
    *(" ", "connection", f" {CONNECTION}", f"{CONNECTION}\n", f"{CONNECTION}0", CONNECTION[:-1], HOST, "n" * 257),
    *(
        CONNECTION.replace("aws:", "aws-cn:"),
        CONNECTION.replace("connection/", "host/"),
        CONNECTION.replace("1234", "12"),
    ),
    *(CONNECTION.replace("0123", "012x"), CONNECTION.replace("codeconnections", "codecommit"), f"{CONNECTION}*"),
)
CERTIFICATE = "arn:aws:acm:eu-west-1:123456789012:certificate/12345678-1234-1234-1234-123456789abc"
FOLDER = "https://bucket.s3.eu-west-1.amazonaws.com/p/v"
TARGET_GROUP = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/name/0123456789abcdef"
POLICY = json.dumps({"rules": [{"rulePriority": 1, "description": "x" * 80}]})

NO_HOST = (" ", "host", CONNECTION, f"{HOST}/x", f"{HOST} ", f"{HOST}\n", f"{HOST}*", f"{HOST}{'n' * 256}")

REFUSED: dict[str, tuple[str, ...]] = {
    "CONNECTION_ARN": ("", *NO_CONNECTION),
    "CONNECTION_ARN_OR_BLANK": NO_CONNECTION,
    "CONNECTION_NAME": (*NO_NAME, "n" * 33, "a.b", "a/b"),
    "CONNECTION_NAME_OR_BLANK": (*(each for each in NO_NAME if each), "n" * 33, "a.b", "a/b"),
    "HOST_ARN": ("", *NO_HOST),
    "HOST_ARN_OR_BLANK": NO_HOST,
    "FULL_REPOSITORY_ID": (
        *("", "cart", "/cart", "acme/", "acme//cart", " acme/cart", "acme/cart\n", "acme/ca rt", "acme/cart.git"),
        *("https://github.com/acme/cart", "git@github.com:acme/cart", "acme/*", "acme/c?rt", "acme/${X}", "acme/#{X}"),
        *("acme\\cart", f"acme/{'n' * 251}"),
    ),
    "TRIGGER_BRANCH": (
        *("", "na me", "na*me", "na?me", "na[me", "na\\me", "a{b}", "{a,b}", "a}", "#{X}", "/a", "a/", "-a", "n" * 256),
    ),
    "PIPELINE_NAME": (*NO_NAME, "n" * 65, "name@1", "team/name", "../name", "na+me", "na,me"),
    "ROLE_NAME": (
        *NO_NAME,
        *("n" * 65, f"path/{'n' * 65}", f"{'p' * 511}/name", "path/", "/path/name", "//name", "pa th/name"),
        *("pa\nth/name", "p\u00e4th/name", "path/na*me", "path/${X}", "arn:aws-cn:iam::1:role/service-role/name"),
    ),
    "NEW_ROLE_NAME": (*NO_NAME, "n" * 65, "path/name", "existing:name", "../name"),
    "NAMED_ROLE": (
        *NO_NAME,
        *("n" * 65, f"path/{'n' * 65}", f"{'p' * 511}/name", "path/", "/path/name", "//name", "pa th/name"),
        *("pa\nth/name", "p\u00e4th/name", "pa*th/name", "*/name", "pa?th/name", "${aws:username}/name", 'pa"th/name'),
        *("pa\\th/name", "pa:th/name", "arn:aws:iam::123456789012:role/path/name"),
    ),
    "BUCKET_NAME": (
        *NO_NAME,
        *("n" * 64, "ab", "..", "s3://bucket", "bucket/prefix", "../bucket", "bucket_name", "arn:aws:s3:::bucket"),
    ),
    "NEW_BUCKET_NAME": (
        *(name for name in NO_NAME if name),
        *("n" * 64, "ab", "..", "a..b", ".ab", "ab.", "-ab", "ab-", "Bucket", "bucket_name", "192.168.5.4", "1.1.1.1"),
        *("xn--bucket", "sthree-bucket", "amzn-s3-demo-bucket", "bucket-s3alias", "bucket--ol-s3", "bucket.mrap"),
        *("bucket--x-s3", "bucket--table-s3", "s3://bucket", "bucket/prefix", "existing:bucket"),
    ),
    "EMAIL": (
        *(name for name in NO_NAME if name),
        *("name", "name@", "@example.com", "name@example", "a@b@example.com", "name@.com", "name@example.", "a@b..c"),
        *("na me@example.com", "name@exam ple.com", "name@example.com\n", "\nname@example.com", "a@x.com,b@x.com"),
        *("a@x.com b@x.com", "Name <name@example.com>", "mailto:name@example.com", "na\u00a0me@example.com"),
        *("n\u0430me@example.com", "name@ex\u0430mple.com", "na\ufeffme@example.com", "na\x1cme@example.com"),
        *("n" * 65 + "@example.com", f"name@{'e' * 250}.com", "name@example.com#{SourceVariables.X}"),
    ),
    "KMS_KEY_ARN": (
        *NO_NAME,
        *(KEY[:-1], f"{KEY}0", f"{KEY}\n", f" {KEY}", KEY.upper(), KEY.replace(":key/", ":alias/"), KEY.split("/")[1]),
        *(KEY.replace("kms", "acm"), KEY.replace("123456789012", ""), KEY.replace("aws", "*"), f"existing:{KEY}"),
        *(KEY.replace("eu-west-1", "*"), KEY.replace("eu-west-1", ""), f"{KEY.split('/', maxsplit=1)[0]}/mrk-1"),
    ),
    "CERTIFICATE_ARN": (
        *(name for name in NO_NAME if name),
        *(
            CERTIFICATE[:-1],
            f"{CERTIFICATE}0",
            f"{CERTIFICATE}\n",
            f" {CERTIFICATE}",
            CERTIFICATE.upper(),
            TARGET_GROUP,
        ),
        *(CERTIFICATE.replace("acm", "iam"), CERTIFICATE.replace("123456789012", ""), CERTIFICATE.replace("aws", "*")),
        *(CERTIFICATE.replace("eu-west-1", "*"), CERTIFICATE.replace("12345678-", "${X}-"), CERTIFICATE.split("/")[1]),
    ),
    "TEMPLATES_URL": (
        *(
            "",
            " ",
            "x",
            "https://",
            f"{FOLDER}/",
            f"{FOLDER}//a",
            f" {FOLDER}",
            f"{FOLDER}\n",
            f"{FOLDER}?a",
            f"{FOLDER}#a",
        ),
        *(
            FOLDER.replace("https", "http"),
            FOLDER.replace("s3.", "s3-website."),
            FOLDER.replace("bucket", "user@bucket"),
        ),
        *(FOLDER.replace("amazonaws.com", "example.com"), FOLDER.replace(".s3", ".notes3"), f"{FOLDER}/${{A}}"),
        *(FOLDER.replace("amazonaws.com", "amazonaws.com:80"), f"{FOLDER}/a b", f"{FOLDER}/{'a' * 4096}"),
    ),
    "TARGET_GROUP_ARN": (
        *NO_NAME,
        *(
            TARGET_GROUP[:-1],
            f"{TARGET_GROUP}0",
            f"{TARGET_GROUP}\n",
            f" {TARGET_GROUP}",
            TARGET_GROUP.upper(),
            CERTIFICATE,
        ),
        *(
            TARGET_GROUP.replace("name", "n" * 33),
            TARGET_GROUP.replace("name", "na_me"),
            TARGET_GROUP.replace("name", "*"),
        ),
        *(TARGET_GROUP.replace("name", ""), TARGET_GROUP.replace("us-east-1", ""), TARGET_GROUP.replace("aws", "aws2")),
    ),
    "HEALTH_CHECK_PATH": (
        *(
            "",
            "healthz",
            " /",
            "/ ",
            "/a b",
            "/\n",
            "\n/",
            "/a\tb",
            "/\u00fc",
            "/\u00a0",
            "/\x7f",
            "http://a/",
            "/" + "p" * 1024,
        ),
    ),
    "VPC_CIDR": (
        *(
            "",
            "*",
            "10.0.0.0",
            "10.0.0.0/8",
            "10.0.0.0/016",
            "10.00.0.0/16",
            "010.0.0.0/16",
            "10.0.0.0/16\n",
            " 10.0.0.0/16",
        ),
        *(
            "10.0.0.0/1",
            "10.0.0.0/160",
            "10.0.0.1/16",
            "10.256.0.0/16",
            "10.0.0.0/16,10.1.0.0/16",
            "::/16",
            "0x0a.0.0.0/16",
        ),
        *(
            "10.0.0.0\u2044" + "16",
            "10.0.0.\u0660/16",
            "10\u3002" + "0.0.0/16",
            "0.0.0.0/0",
            "100.64.0.0/16",
            "169.254.0.0/16",
        ),
    ),
    "CONTAINER_IMAGE": (
        *(
            "",
            " ",
            "na me",
            " name",
            "name ",
            "name\n",
            'na"me',
            "na'me",
            "na\\me",
            "${X}",
            "#{X}",
            "$(id)",
            "na;me",
            "*",
        ),
        *("/name", "-name", ".name", "name@", "name@sha256:", f"name@sha256:{'g' * 64}", f"name@sha256:{'0' * 63}"),
        *(f"name@sha256:{'0' * 65}", f"name@sha512:{'0' * 64}", "n\u0430me", "\uff4eame", "n" * 328),
    ),
    "DISPLAY_NAME": ("", " ", "  ", " a", "a ", "a\nb", "a\n", "\na", "a\tb", "a\x7fb", "a\0b", "a\r\n", "w" * 81),
    "TOPIC_NAME": (*NO_NAME, "n" * 257, "topic.fifo", "..", "a/b", "na@me", "arn:aws:sns:eu-west-1:1:name"),
    "CODECOMMIT_REPOSITORY": (*NO_NAME, "n" * 101, "app.git", ".git", "a/b", "../a", "na@me", "na+me"),
    "BRANCH": (
        *("", " ", "na me", " name", "name ", "na\tme", "na\nme", "name\n", "\nname", "name\r\n", "na\0me", "na\x7fme"),
        *("na~me", "na^me", "na:me", "na?me", "na*me", "na[me", "na\\me", "*", "refs/heads/*"),
        *("/name", "name/", "/", "//", "a//b", ".", "..", "a..b", "../name", ".name", "name.", "a/.b", "a./.b"),
        *("name.lock", "a.lock/b", ".lock", "@", "@{", "a@{b", "@{-1}", "#{SourceVariables.X}", "a#{b"),
        *("-", "-name", "--all", "HEAD", "0" * 40, "aBcDeF0123" * 4, "n" * 257),
        "arn:aws:codecommit:eu-west-1:123456789012:name",
    ),
    "BUILD_PROJECT": (*NO_NAME, "n" * 151, "n", "-name", "_name", "na.me", "a/b", "..", "na@me"),
    "ECR_REPOSITORY": (
        *NO_NAME,
        *("n" * 257, "n", "Name", "teaM/app", "a//b", "a/../b", "..", "a..b", "a___b", "a._b", "a.-b", "-ab", "ab-"),
        *(".ab", "ab.", "_ab", "ab_", "a/-b", "a-/b", "na@me", "123456789012.dkr.ecr.eu-west-1.amazonaws.com/a:1"),
    ),
    "LIFECYCLE_POLICY": (
        *(" ", "\n", " " * 200, "{}", "null", "[]", "${X}", "#{SourceVariables.X}", "*", "{" + "x" * 97 + "}"),
        *(f"[{POLICY}]", f'"{POLICY}"', POLICY[:-1], POLICY[1:], f"{POLICY};", f"x{POLICY}", "{" + "x" * 4095 + "}"),
        # JSON's white space is these four: space, tab, newline, return.
        *(f"\u00a0{POLICY}", f"{POLICY}\u2003", f"\ufeff{POLICY}", f"{POLICY}\x1c", f"{POLICY}\x85", f"\v{POLICY}"),
    ),
    "ECS_NAME": (*NO_NAME, "n" * 256, "na.me", "..", "a/b", "na@me", "arn:aws:ecs:eu-west-1:1:cluster/name"),
    "NEW_CLUSTER_NAME": (*NO_NAME, "n" * 252, "na.me", "..", "a/b", "na@me"),
    "APPLICATION_NAME": (
        *NO_NAME,
        *("n", "n" * 21, "Name", "naMe", "1name", "-name", "name-", "na--me", "-", "--", "na_me", "na.me", "a/b", ".."),
        *("na@me", "existing:name", "9", "99", "n-"),
    ),
    "TASK_COUNT": (
        *("", " ", "-", "--", "-1", "1-", "0-1", "0-0", "1-0", "2-1", "11", "1-11", "11-11", "10-9", "00", "1-01"),
        *("1--2", "1-2-3", "1 - 2", " 1", "1 ", "1\n", "\n1", "1-2\n", "+1", "1.5", "1e1", "0x1", "one", "1,2", "1:2"),
        # Digits, hyphens and ends of lines that look like others.
        *("\u0661", "\uff11", "1\u20102", "1\u20132", "1\u22122", "1\x85", "1\u2028", "1\u2029", "1\r\n", "1\u00a0"),
    ),
    "AVAILABILITY_ZONE": (
        *(" ", "a", "eu-west-1", "eu-west-1aa", "eu-west-1A", "EU-WEST-1a", "eu-west-a", "euw1-az1", "*", "a" * 21),
        *("eu-west-1a\n", " eu-west-1a", "eu_west_1a", "eu-west-1a,eu-west-1b", "us-west-2-lax-1a", "eu--west-1a"),
        *("e-west-1a", "${AWS::Region}a", "eu-west-1\u0430", "eu-west-\u0661a"),
    ),
}
ACCEPTED: dict[str, tuple[str, ...]] = {
    "CONNECTION_ARN": (CONNECTION, OLDER_CONNECTION, CONNECTION.replace("aws:", "aws-us-gov:").replace("eu", "us-gov")),
    "CONNECTION_ARN_OR_BLANK": ("", CONNECTION, OLDER_CONNECTION),
    "CONNECTION_NAME": ("a", "n" * 32, "My_connection-1"),
    "CONNECTION_NAME_OR_BLANK": ("", "a", "n" * 32, "My_connection-1"),
    "HOST_ARN": (HOST, HOST.replace("codeconnections", "codestar-connections")),
    "HOST_ARN_OR_BLANK": ("", HOST, HOST.replace("codeconnections", "codestar-connections")),
    "FULL_REPOSITORY_ID": ("acme/cart", "acme/group/sub.group/cart_1", "a/b", "a/.github", f"acme/{'n' * 250}"),
    "TRIGGER_BRANCH": ("main", "release/1.2", "feature/\u00fcber", "a]", "n" * 255),
    "PIPELINE_NAME": ("a", "n" * 64, "-", ".", "_", "My.Pipeline-1_x"),
    "ROLE_NAME": (
        *("a", "n" * 64, "service-role/Name", "a/b/c/Name", "Name+=,.@-_", "a:b/Name", "role/Name", "aarn:/Name"),
        *(f"{'p' * 510}/{'n' * 64}", "AWSServiceRoleForX", "aws-service-role/ecs.amazonaws.com/Name"),
    ),
    "NEW_ROLE_NAME": ("a", "n" * 64, "Name+=,.@-_"),
    "NAMED_ROLE": (
        *("a", "n" * 64, "service-role/Name", "a/b/c/Name", "Name+=,.@-_", "aws-service-role/ecs.amazonaws.com/Name"),
        f"{'p' * 510}/{'n' * 64}",
    ),
    "NEW_BUCKET_NAME": (
        *("", "abc", "n" * 63, "my.bucket-1", "a-.b", "1.1.1", "1.1.1.1a", "1bucket1", "xn-bucket", "sthree", "axn--b"),
        *("bucket-s3alias1", "ecs-cd-artifacts-123456789012-eu-west-1"),
    ),
    "EMAIL": ("", "name@example.com", "first.last+tag@sub.example.co", "n" * 64 + "@example.com", "o'neil@a-b.example"),
    "KMS_KEY_ARN": (
        *(KEY, KEY.replace("aws:", "aws-cn:").replace("eu-west-1", "cn-north-1")),
        f"{KEY.split('/', maxsplit=1)[0]}/mrk-1234567890abcdef1234567890abcdef",
    ),
    "CERTIFICATE_ARN": ("", CERTIFICATE, CERTIFICATE.replace("aws:", "aws-cn:").replace("eu-west-1", "cn-north-1")),
    "TEMPLATES_URL": (
        *(FOLDER, FOLDER.replace("/p/v", ""), FOLDER.replace("bucket", "my.bucket-1"), f"{FOLDER}/a%20b/c_d-e~f"),
        *("https://s3.eu-west-1.amazonaws.com/bucket/p", "https://s3-eu-west-1.amazonaws.com/bucket"),
        *("https://bucket.s3.cn-north-1.amazonaws.com.cn/p", "https://bucket.s3.dualstack.eu-west-1.amazonaws.com"),
        "https://bucket.s3.amazonaws.com/p",
    ),
    "TARGET_GROUP_ARN": (
        *(TARGET_GROUP, TARGET_GROUP.replace("name", "n" * 32), TARGET_GROUP.replace("name", "a-B-1")),
        TARGET_GROUP.replace("aws:", "aws-us-gov:").replace("us-east-1", "us-gov-west-1"),
    ),
    "HEALTH_CHECK_PATH": ("/", "/healthz", "/a/b?c=d&e=%20", "//", "/" + "p" * 1023),
    "VPC_CIDR": (
        "10.0.0.0/16",
        "10.255.240.0/20",
        "172.16.0.0/16",
        "172.31.128.0/17",
        "192.168.64.0/18",
        "192.168.16.0/20",
    ),
    "CONTAINER_IMAGE": (
        *("nginx", "nginx:1.27", "public.ecr.aws/nginx/nginx-unprivileged:stable", f"a/b@sha256:{'0' * 64}", "n" * 255),
        *("localhost:5000/app:x", "123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/app_x:1"),
        # A digest is beside ECS's 255 characters.
        f"{'n' * 255}@sha256:{'0' * 64}",
    ),
    "DISPLAY_NAME": ("a", "quality assurance", "a  b", "\u00fcber \u65e5\u672c", 'it\'s "QA"', "w" * 80),
    "BUCKET_NAME": ("abc", "n" * 63, "my.bucket-1", "codepipeline-eu-central-1-123456789012", "Legacy.Bucket"),
    "TOPIC_NAME": ("a", "n" * 256, "-", "_", "My_topic-1"),
    "CODECOMMIT_REPOSITORY": ("a", "n" * 100, ".", "git", "agit", "app.git.x", "app.GIT", ".github", "My_app-1.x"),
    "BRANCH": (
        *("a", "master", "release/1.2", "feature/\u00fcber", "feature/\u65e5\u672c", "a/b/c/d", "n" * 256, "head"),
        *("a.b", "a-", "a/-b", "a@b", "@a", "a/@", "a{b}", "#1", "a#", "${X}", "it's", 'a"b', "a;b", "a&&b", "!", "a]"),
        *("0" * 39, "0" * 41, "g" * 40, "a.locked", "lock", "a.LOCK", "HEAD/a", "refs/heads/a", "a\u00a0b"),
    ),
    "BUILD_PROJECT": ("ab", "0-", "n" * 150, "a_", "My-project_1"),
    "ECR_REPOSITORY": (
        *("ab", "00", "n" * 256, "team/app_x__y--z.1", "a/b", "a/b/c/d", "a---------b", "a-b.c_d__e"),
        "123456789012.dkr.ecr.eu-west-1.amazonaws.com/app",
    ),
    "LIFECYCLE_POLICY": (
        *("", POLICY, f" \t\r\n{POLICY} \t\r\n", "{" + "x" * 98 + "}", "{" + "x" * 4094 + "}"),
        json.dumps(json.loads(POLICY), indent=4),
    ),
    "ECS_NAME": ("a", "n" * 255, "-", "_", "My-service_1"),
    "NEW_CLUSTER_NAME": ("a", "n" * 251, "-", "_", "My-cluster_1"),
    "APPLICATION_NAME": ("sample-app", "ab", "a1", "a-1", "a-b-c", "n" * 20, "a23456789-123456789b"),
    "TASK_COUNT": ("0", "1", "9", "10", "1-1", "1-4", "1-10", "2-10", "9-10", "10-10", "5-5"),
    "AVAILABILITY_ZONE": ("", "eu-west-1a", "us-gov-west-1c", "cn-northwest-1b", "ap-southeast-1f", "il-central-1a"),
}


@pytest.mark.parametrize("longest", [16, 18, 20])
def test_accepts_every_network_that_it_says_and_no_other(longest: int) -> None:
    constraint = constraints.vpc_cidr(longest)
    private = [ipaddress.IPv4Network(network) for network in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")]
    docker = ipaddress.IPv4Network("172.17.0.0/16")
    starts = [f"10.{second}" for second in (0, 1, 9, 10, 99, 100, 199, 200, 249, 250, 255)]
    starts += [f"172.{second}" for second in range(14, 34)] + ["192.167", "192.168", "192.169", "9.0", "11.0", "100.64"]
    for start, third, length in itertools.product(starts, range(256), range(14, 23)):
        value = f"{start}.{third}.0/{length}"
        try:
            network = ipaddress.IPv4Network(value)
        except ValueError:
            expected = False
        else:
            inside = any(network.subnet_of(one) for one in private) and not network.overlaps(docker)
            expected = 16 <= length <= longest and inside
        assert constraint.accepts(value) == expected, value


COUNTS = [str(count) for count in range(13)]
PAIRS = [(least, most) for least in range(-1, 13) for most in range(-1, 13)]
RANGES = [f"{least}-{most}" for least, most in PAIRS]
# What the form says: a number from 0 to 10, or the least and the most from 1 to 10.
TASK_COUNTS = {str(count) for count in range(11)} | {
    f"{least}-{most}" for least, most in PAIRS if 1 <= least <= most <= 10
}


def test_accepts_every_count_of_tasks_that_it_says_and_no_other() -> None:
    assert {value for value in COUNTS + RANGES if constraints.TASK_COUNT.accepts(value)} == TASK_COUNTS
    assert len(TASK_COUNTS) == 11 + 55


def test_no_short_text_is_a_count_of_tasks_by_mistake() -> None:
    """Every text of up to four of these characters, and each count with one of them at either end."""
    characters = "0159- \n\r+.,\u0661\u2028"
    texts = {"".join(each) for length in range(5) for each in itertools.product(characters, repeat=length)}
    texts |= {text for value in COUNTS + RANGES for one in characters for text in (value + one, one + value)}
    assert {text for text in texts if constraints.TASK_COUNT.accepts(text)} == texts & TASK_COUNTS


def test_accepts_the_zones_of_every_region_and_nothing_that_only_looks_like_one() -> None:
    session = botocore.session.get_session()
    for partition in PARTITIONS:
        for region in session.get_available_regions("ec2", partition_name=partition):
            for letter in "abcdef":
                assert constraints.AVAILABILITY_ZONE.accepts(f"{region}{letter}")
            # The region, one of its local zones, and the ID of a zone.
            for other in (region, f"{region}-ams-1a", f"{region}a1", f"{region.replace('-', '')}-az1"):
                assert not constraints.AVAILABILITY_ZONE.accepts(other)


@given(value=st.text(alphabet="ab1-A", max_size=22))
@REPEATABLE
def test_an_application_has_lower_case_words_with_a_hyphen_between_them(value: str) -> None:
    expected = re.fullmatch(r"[a-z][a-z0-9-]{1,19}", value) and not re.search(r"--|-$", value)
    assert constraints.APPLICATION_NAME.accepts(value) == bool(expected)


IMAGE = "public.ecr.aws/a/b:1"


@pytest.mark.parametrize("count", range(1, 9))
def test_accepts_as_many_images_as_there_are_environments(count: int) -> None:
    several = constraints.container_images(count)
    for given_count in range(10):
        assert several.accepts(",".join([IMAGE] * given_count)) == (given_count == count)
    for image in ACCEPTED["CONTAINER_IMAGE"]:
        assert several.accepts(",".join([IMAGE] * (count - 1) + [image]))
        assert several.accepts(",".join([image] + [IMAGE] * (count - 1)))
    for image in REFUSED["CONTAINER_IMAGE"]:
        # An image that is too long is for ECS to refuse: the form's length is that of all together.
        if len(image) <= (constraints.CONTAINER_IMAGE.max_length or 0):
            assert not several.accepts(",".join([IMAGE] * (count - 1) + [image])), image
            assert not several.accepts(",".join([image] + [IMAGE] * (count - 1))), image
    images = ",".join([IMAGE] * count)
    for other in (f"{images},", f",{images}", f"{images}\n", f" {images}", images.replace(",", ", "), f"{images};"):
        assert several.accepts(other) == (other == images)


def test_an_existing_thing_is_named_with_the_mark_and_a_new_one_not_at_all() -> None:
    form = constraints.existing_only(constraints.CODECOMMIT_REPOSITORY)
    assert form.accepts("")
    for value in ACCEPTED["CODECOMMIT_REPOSITORY"]:
        assert not form.accepts(value)
        assert form.accepts(f"{EXISTING}{value}")
    for value in REFUSED["CODECOMMIT_REPOSITORY"]:
        assert not form.accepts(f"{EXISTING}{value}")
    for value in (" ", EXISTING, f" {EXISTING}name", f"{EXISTING}name\n", "Existing:name", f"{EXISTING}{EXISTING}name"):
        assert not form.accepts(value)


def _pairs(table: dict[str, tuple[str, ...]]) -> list[tuple[str, str]]:
    return [(name, value) for name, values in table.items() for value in values]


def _id(value: str) -> str:
    return f"{value[:20].encode('unicode_escape').decode()}({len(value)})"


def test_the_tables_have_every_constraint() -> None:
    assert CONSTRAINTS.keys() == REFUSED.keys() == ACCEPTED.keys()


@pytest.mark.parametrize(("name", "value"), _pairs(REFUSED), ids=_id)
def test_refuses(name: str, value: str) -> None:
    assert not CONSTRAINTS[name].accepts(value)


@pytest.mark.parametrize(("name", "value"), _pairs(ACCEPTED), ids=_id)
def test_accepts(name: str, value: str) -> None:
    assert CONSTRAINTS[name].accepts(value)


PARTS = prerequisites.parts(ENVIRONMENTS, PipelineSettings())


@pytest.mark.parametrize("spec", [part.spec for part in PARTS], ids=lambda spec: spec.name)
def test_a_mark_for_what_exists_changes_no_rule(spec: ParameterSpec) -> None:
    """Also where only the length decides."""
    new, existing = spec.new or spec.constraint, spec.allowed or spec.constraint
    marked = or_existing(new, existing)
    values = {value for _, value in _pairs(REFUSED) + _pairs(ACCEPTED)} | {"n" * length for length in range(300)}
    for value in values | {"Existing:name", "existing: name", " existing:name", "existing-name"}:
        if not value.startswith(EXISTING):
            assert marked.accepts(value) == new.accepts(value), value
        assert marked.accepts(f"{EXISTING}{value}") == existing.accepts(value), value


@pytest.mark.parametrize("pattern", ALL_PATTERNS)
def test_pattern_has_only_what_java_python_and_javascript_read_alike(pattern: str) -> None:
    assert re.fullmatch(r"\^.*\$", pattern)
    # "Any character, newline included": the one use of \s and \S that does not depend on what a space is.
    rest = pattern.replace(r"[\s\S]", "")
    assert set(re.findall(r"\\(x[0-9A-F]{2}|.)", rest)) <= {*".[\\{}trn", "x00", "x20", "x7F"}
    assert set(re.findall(r"\(\?(..)", rest)) <= {f"{kind}{first}" for kind in ":=!" for first in string.printable}
    unescaped = re.sub(r"\\.", "", rest)
    assert not re.search(r"[+*?}]\+", re.sub(r"\[[^\]]*\]", "x", unescaped)), "possessive"
    for inside in re.findall(r"\[([^\]]*)\]", unescaped):
        assert "[" not in inside, "a nested class in Java"
        assert "&&" not in inside, "an intersection in Java"
    assert rest.isascii()


def _program(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        assert os.environ.get("CI") != "true", f"{name} is not on PATH"
        pytest.skip(f"{name} is not on PATH")
    return path


# The u flag is stricter about escapes; a form may use either.
JAVASCRIPT = """
const cases = JSON.parse(require("fs").readFileSync(0, "utf8"));
const verdicts = ([pattern, value]) => ["", "u"].map((flags) => new RegExp(pattern, flags).test(value));
console.log(JSON.stringify(cases.map(verdicts)));
"""


def test_javascript_gives_the_same_verdicts() -> None:
    cases = [(PATTERNS[name], value) for name, value in _pairs(REFUSED) + _pairs(ACCEPTED)]
    cases += [(PATTERNS["TASK_COUNT"], value) for value in COUNTS + RANGES]
    node = subprocess.run(
        [_program("node"), "-e", JAVASCRIPT],
        input=json.dumps(cases),
        capture_output=True,
        text=True,
        check=True,
        timeout=10,
    )
    expected = [[re.fullmatch(pattern, value) is not None] * 2 for pattern, value in cases]
    verdicts = json.loads(node.stdout)
    different = [case for case, one, other in zip(cases, verdicts, expected, strict=True) if one != other]
    assert not different


# Repetitions that a pattern could divide in many ways, each with an end that makes it fail late.
REPEATED = (
    *("a", "A", "0", "-", "_", ".", "/", " ", "{", "}", "@", "#{", "@{", ".lock", ".lock/", ".git", "..", "//"),
    *("a-", "a--", "a_", "a__", "a.", "a/", "a/b-", "} ", "{}", "{ ", "\n", "arn:", "=/", "a" * 64 + "/"),
)
ENDS = ("", "!", "\n", "/", ".", " ", "}", "\u00e9", "a")


def test_no_pattern_backtracks_catastrophically() -> None:
    """CloudFormation's longest value is 4,096 bytes; all patterns on all inputs take a second or so."""
    inputs = [(piece * 4096)[: 4096 - len(end)] + end for piece in REPEATED for end in ENDS]
    program = (
        "import json, re, sys; p, i = json.load(sys.stdin); print(sum(bool(re.search(x, y)) for x in p for y in i))"
    )
    # In a process of its own, because a match cannot be interrupted.
    done = subprocess.run(
        [sys.executable, "-c", program],
        input=json.dumps([ALL_PATTERNS, inputs]),
        capture_output=True,
        text=True,
        check=True,
        timeout=10,
    )
    assert int(done.stdout) > 0


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("bucket", ResourceName("bucket")),
        ("existing:bucket", ResourceName("bucket", existing=True)),
        ("existing:service-role/Role", ResourceName("service-role/Role", existing=True)),
        ("", ResourceName("")),
        ("existing:", ResourceName("", existing=True)),
        (" existing:x", ResourceName(" existing:x")),
    ],
)
def test_names_say_whether_what_they_name_exists(value: str, name: ResourceName) -> None:
    assert ResourceName.parse(value) == name
    assert str(name) == value


def test_an_approval_may_wait_as_long_as_codepipeline_lets_it() -> None:
    limits = botocore.session.get_session().get_service_model("codepipeline").shape_for("ActionTimeout").metadata
    assert limits["min"] <= 1440
    for minutes in (1440, limits["max"]):
        assert PipelineSettings(approval_timeout_minutes=minutes).approval_timeout_minutes == minutes
    with pytest.raises(SettingsError, match="must be a whole number from 1440 to"):
        PipelineSettings(approval_timeout_minutes=limits["max"] + 1)
