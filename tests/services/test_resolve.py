"""From a settings file to settings and values: defaults, overrides, and what only makes sense together."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest

from ecs_cd_templates import (
    CONTAINER_IMAGE,
    ENVIRONMENTS,
    UNIT_TESTS,
    BuildStep,
    Environment,
    PipelineSettings,
    RenderSettings,
    catalog,
    grants,
)
from ecs_cd_templates.cfn import regions
from ecs_cd_templates.errors import MissingExtraError, SettingsFileError
from ecs_cd_templates.services import EnvironmentValues, Rollout, Services, Target, read_settings_text, stages
from ecs_cd_templates.sources import CodeCommit, Connection
from ecs_cd_templates.steps import usual_further
from services.files import ACCOUNT, CERTIFICATE, CODECOMMIT, CONNECTION, FULL, HOST, KEY, refused, services, written

EXAMPLE = """\
# yaml-language-server: $schema=ecs-cd.schema.json
defaults: {architecture: ARM64, tag_mutability: IMMUTABLE}
environments:
  - {id: Dev, display_name: development, branch: main}
  - {id: QA, display_name: quality assurance, branch: qa}
  - {id: Prod, display_name: production, branch: prod, approval: before_build}
services:
  shop: {source: {codecommit: shop}}
  cart:
    source: {connection: cart-connection, repository: acme/cart}
    steps: [{name: SecurityScan, buildspec: buildspec_scan.yml, after: tests}]
    environments: {Prod: {tasks: {min: 2, max: 6}}}
"""


def _read(text: str) -> Services:
    return read_settings_text("ecs-cd.yaml", text.encode())


def _only(data: Any) -> Target:
    """The only target of the only service."""
    (service,) = services(data).services
    (target,) = service.targets
    return target


def _shop(**entry: Any) -> Target:
    return _only({"services": {"shop": entry}})


def _steps(target: Target) -> list[BuildStep]:
    """The tests, the image, and what the file adds; whatever else is usual is not what it is about."""
    others = [step for step, _ in usual_further()]
    return [step for step in target.settings.pipeline.steps if step not in others]


def test_a_service_of_which_nothing_is_said_is_the_usual_one() -> None:
    target = _shop()
    usual = [
        replace(each, default_branch=branch)
        for each, branch in zip(ENVIRONMENTS, ("master", "qa", "prod"), strict=True)
    ]
    assert target.settings == RenderSettings(environments=usual)
    assert (target.account, target.region) == (None, None)
    assert target.values.application == "shop"
    assert (target.values.source, target.values.key) == ({}, None)
    assert list(target.values.environments) == ["Dev", "QA", "Prod"]
    assert target.values.environments["QA"] == EnvironmentValues(branch="qa")


def test_the_example() -> None:
    shop, cart = _read(EXAMPLE).services
    (first,), (second,) = shop.targets, cart.targets
    assert (shop.name, cart.name) == ("shop", "cart")
    assert first.settings.architecture == second.settings.architecture == "ARM64"
    assert first.settings.pipeline.source == CodeCommit()
    assert second.settings.pipeline.source == Connection()
    assert [step.name for step in _steps(second)] == ["Nodejs", "SecurityScan", "ContainerImage"]
    assert first.values.source == {"codecommit": "shop"}
    assert second.values.source == {"connection": "cart-connection", "repository": "acme/cart"}
    assert [each.task_count for each in second.values.environments.values()] == [None, None, "2-6"]
    # One of the usual IDs has what the usual one has.
    production = first.settings.environments[2]
    assert (production.production, production.images_to_keep, production.approval) == (True, 100, "before_build")


def test_every_key_arrives() -> None:
    shop, cart = services(FULL).services
    (target,) = shop.targets
    settings, values = target.settings, target.values
    assert (target.account, target.region) == (ACCOUNT, "eu-west-1")
    assert settings.architecture == "ARM64"
    assert (settings.container_port, settings.first_image, settings.cpu_target_percent) == (
        3000,
        "example.com/first:1",
        50,
    )
    assert settings.tags == (("team", "checkout"),)
    pipeline = settings.pipeline
    assert pipeline == PipelineSettings(
        pipeline_type="V2",
        rollback_on_failure=False,
        image_tag_mutability="MUTABLE",
        scan_on_push=False,
        approval_shows_message=True,
        approval_timeout_minutes=1440,
        deployment_timeout_minutes=30,
        own_key=True,
        source=Connection(host="GitLabSelfManaged", paths=["src/**"]),
        steps=pipeline.steps,
    )
    tests, image, scan = _steps(target)
    assert (tests.name, tests.buildspec, tests.output) == ("UnitTests", "buildspec_tests.yml", UNIT_TESTS.output)
    assert image == replace(
        CONTAINER_IMAGE,
        buildspec="buildspec_image.yml",
        image="aws/codebuild/amazonlinux-aarch64-standard:4.0",
        compute_type="BUILD_GENERAL1_MEDIUM",
        timeout_minutes=45,
        cache=True,
    )
    assert (scan.display_name, scan.privileged, scan.grants) == ("scan", True, (grants.report_tests,))
    for step in (tests, image, scan):
        assert (step.image, step.compute_type, step.timeout_minutes, step.cache) == (
            image.image,
            image.compute_type,
            45,
            True,
        )
    assert settings.environments[1] == Environment(
        id="Live",
        display_name="live site",
        default_branch="live",
        approval="before_deploy",
        production=True,
        images_to_keep=50,
        network="private_tasks",
        release_tags=["v*"],
    )
    assert values.environments["Live"] == EnvironmentValues(
        branch="live",
        task_count="2-6",
        task_size="512 CPU units, 1024 MiB",
        certificate=CERTIFICATE,
        vpc="vpc-12345678",
        public_subnets=("subnet-11111111", "subnet-22222222"),
        private_subnets=("subnet-33333333", "subnet-44444444"),
        container_insights="enhanced",
        deletion_protection=True,
    )
    assert values.source == {"connection": CONNECTION, "repository": "acme/shop", "host_arn": HOST}
    assert values.key == KEY
    assert (values.approval_email, values.launch_type, values.instance_type) == ("ops@example.com", "EC2", "t4g.small")
    assert (values.health_check_path, values.log_retention_days) == ("/health", 365)
    assert (values.artifact_expiration_days, values.network_cidr) == (100, "10.1.0.0/16")
    # What is in the defaults, and what is in the service, comes to the same.
    assert cart.targets[0].settings == settings
    assert replace(cart.targets[0].values, application="shop") == values


def test_the_rollout() -> None:
    assert services(FULL).rollout == Rollout(
        permissions="service_managed", organizational_units=("ou-ab12-cd34ef56",), delegated_admin=True
    )
    assert services(CODECOMMIT).rollout == Rollout(
        permissions="self_managed",
        administration_role="Administration",
        execution_role="Execution",
    )
    assert _read(EXAMPLE).rollout is None


def test_a_service_has_what_it_says_and_otherwise_what_the_defaults_say() -> None:
    data = {
        "defaults": {
            "port": 3000,
            "first_image": "example.com/a",
            "tags": {"team": "a", "cost": "b"},
            "tests": {"timeout_minutes": 10, "cache": True},
            "steps": [{"name": "A"}],
            "source": {"connection": CONNECTION, "host": "GitLab"},
        },
        "services": {
            "shop": {
                "port": 4000,
                "tags": {"team": "c"},
                "tests": {"timeout_minutes": 20},
                "steps": [{"name": "B"}],
                "source": {"repository": "acme/shop"},
            },
            "cart": {"source": {"codecommit": "cart"}},
        },
    }
    shop, cart = (service.targets[0] for service in services(data).services)
    assert (shop.settings.container_port, cart.settings.container_port) == (4000, 3000)
    assert dict(shop.settings.tags) == {"team": "c", "cost": "b"}
    assert dict(cart.settings.tags) == {"team": "a", "cost": "b"}
    tests = shop.settings.pipeline.steps[0]
    # Without a buildspec of their own they stay those of Node.js.
    assert tests == replace(UNIT_TESTS, timeout_minutes=20, cache=True)
    assert [step.name for step in _steps(shop)] == ["Nodejs", "B", "ContainerImage"]
    assert shop.settings.pipeline.source == Connection(host="GitLab")
    assert shop.values.source == {"connection": CONNECTION, "repository": "acme/shop"}
    # A repository of its own leaves nothing of a connection.
    assert cart.settings.pipeline.source == CodeCommit()
    assert cart.values.source == {"codecommit": "cart"}


@pytest.mark.parametrize("source", [{"codecommit": "existing:Old_Shop"}, {"connection": "c", "repository": "a/b"}])
def test_a_source_of_which_a_service_says_nothing_is_that_of_the_defaults(source: dict[str, str]) -> None:
    data = {"defaults": {"source": source}, "services": {"shop": {"source": {}}}}
    assert _only(data).values.source == source


def test_an_override_replaces_what_the_environment_says() -> None:
    network = {"vpc": "vpc-12345678", "private_subnets": ["subnet-11111111", "subnet-22222222"]}
    data = {
        "environments": [
            {"id": "Live", "tasks": 4, "approval": "before_build", "network": network, "certificate": CERTIFICATE}
        ],
        "services": {
            "shop": {"environments": {"Live": {"tasks": 0, "approval": "none", "network": "new", "certificate": ""}}},
            "cart": {},
        },
    }
    shop, cart = (service.targets[0] for service in services(data).services)
    assert shop.settings.environments[0] == Environment(id="Live", display_name="Live", default_branch="live")
    assert shop.values.environments["Live"] == EnvironmentValues(branch="live", task_count="0", certificate="")
    assert (cart.settings.environments[0].approval, cart.settings.environments[0].network) == (
        "before_build",
        "private",
    )
    assert cart.values.environments["Live"].task_count == "4"


@pytest.mark.parametrize(
    ("subnets", "kind"),
    [(["public"], "public"), (["private"], "private"), (["public", "private"], "private_tasks")],
)
def test_the_subnets_say_which_kind_of_network_it_is(subnets: list[str], kind: str) -> None:
    network: dict[str, Any] = {"vpc": "vpc-12345678"}
    for number, each in enumerate(subnets):
        network[f"{each}_subnets"] = [f"subnet-{number}{digit}000000" for digit in "ab"]
    target = _shop(environments={"QA": {"network": network}})
    assert [each.network for each in target.settings.environments] == ["new", kind, "new"]


def test_steps_are_placed_after_what_they_name() -> None:
    steps = [
        {"name": "Last", "after": "Scan"},
        {"name": "Scan", "after": "image"},
        {"name": "First", "after": "source"},
        {"name": "Usual"},
    ]
    placed = [step.name for step in _steps(_shop(steps=steps))]
    assert placed == ["First", "Nodejs", "Usual", "ContainerImage", "Scan", "Last"]


def test_v1_pipelines_do_not_roll_back_unless_asked_to() -> None:
    assert not _shop(pipeline_type="V1").settings.pipeline.rollback_on_failure


def test_a_repository_that_exists() -> None:
    target = _shop(source={"codecommit": "existing:Old_Shop"})
    assert target.values.source == {"codecommit": "existing:Old_Shop"}


def test_environments_are_apart_by_account_and_region() -> None:
    other = "444455556666"
    far = CONNECTION.replace("eu-west-1", "us-east-1").replace(ACCOUNT, other)
    data = {
        "environments": [
            {"id": "Dev", "account": ACCOUNT, "region": "eu-west-1"},
            {"id": "Live", "account": other, "region": "us-east-1", "connection": far},
            {"id": "QA", "account": ACCOUNT, "region": "eu-west-1", "key": KEY},
        ],
        "services": {
            "shop": {
                "source": {"connection": CONNECTION, "repository": "acme/shop"},
                "environments": {"Dev": {"key": KEY}},
            }
        },
    }
    (service,) = services(data).services
    near, away = service.targets
    assert (near.account, near.region, away.account, away.region) == (ACCOUNT, "eu-west-1", other, "us-east-1")
    assert [each.id for each in near.settings.environments] == list(near.values.environments) == ["Dev", "QA"]
    assert list(away.values.environments) == ["Live"]
    assert (near.values.source["connection"], away.values.source["connection"]) == (CONNECTION, far)
    assert (near.settings.pipeline.own_key, away.settings.pipeline.own_key) == (True, False)
    assert (near.values.key, away.values.key) == (KEY, None)


def test_what_it_comes_to_can_be_rendered() -> None:
    for service in _read(EXAMPLE).services[:1]:
        assert catalog.render(service.targets[0].settings)


def test_without_botocore_regions_are_taken_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(region: str) -> str:
        raise MissingExtraError("package", "botocore", "is missing")

    monkeypatch.setattr(stages, "partition_of", missing)
    stages._exists.cache_clear()
    assert stages._exists("eu-west-9")
    monkeypatch.setattr(stages, "partition_of", regions.partition_of)
    stages._exists.cache_clear()
    assert not stages._exists("eu-west-9")


def test_reading_takes_time_in_proportion_to_the_services() -> None:
    def seconds(count: int) -> float:
        entry = {
            "source": {"connection": CONNECTION, "repository": "acme/cart"},
            "steps": [{"name": "SecurityScan", "buildspec": "buildspec_scan.yml"}],
            "environments": {"Prod": {"tasks": {"min": 2, "max": 6}}},
        }
        text = written({"services": {f"svc-{number}": entry for number in range(count)}})
        start = time.process_time()
        assert len(_read(text).services) == count
        return time.process_time() - start

    # It takes half a second.
    assert seconds(1000) < 3


def _with(entry: str) -> str:
    return f"services: {{shop: {{{entry}}}}}"


def _in(environment: str) -> str:
    return f"environments: [{{id: Dev, {environment}}}]\nservices: {{shop: {{}}}}"


UNITS = "organizational_units: [r-ab12]"
SAME = "{source: {connection: c, repository: a/b}}"
TWO_REGIONS = "environments: [{id: Dev, region: eu-west-1}, {id: Prod, region: eu-central-1}]\nservices:\n  "


@pytest.mark.parametrize(
    ("text", "told"),
    [
        # What the settings refuse, at the key that made them.
        (_in("branch: 'a b'"), "1:34: environments[0].branch: 'a b': Give a branch's name as Git accepts it"),
        ("environments: [{id: A-B}]\nservices: {shop: {}}", "1:21: environments[0].id: 'A-B': use 1 to 18 ASCII"),
        (
            "environments: [{id: A, display_name: x}, {id: B, display_name: X}]\nservices: {shop: {}}",
            "1:64: environments[1].display_name: 'X': is also that of the environment A",
        ),
        (_in("release_tags: ['a b']"), "1:40: environments[0].release_tags: 'a b': use 1 to 255"),
        (_with("environments: {QA: {release_tags: ['']}}"), "services.shop.environments.QA.release_tags: '': use 1"),
        (_with("pipeline_type: V1, rollback_on_failure: true"), "services.shop.rollback_on_failure: true: only V2"),
        ("defaults: {steps: [{name: a}]}\nservices: {shop: {}}", "1:27: defaults.steps[0].name: 'a': use 1 to 19"),
        (_with("steps: [{name: A, after: Q}]"), "1:44: services.shop.steps[0].after: 'Q': "),
        (_with("steps: [{name: A, after: B}, {name: B, after: A}]"), ".after: "),
        (_with("steps: [{name: A}, {name: B}, {name: A}]"), "1:56: services.shop.steps[2].name: 'A': is also the name"),
        (_with("steps: [{name: A}, {name: B, display_name: a}]"), "services.shop.steps[1].display_name: 'a': is also"),
        (_with("steps: [{name: Task}]"), "services.shop.steps[0].name: 'Task': is the name of something else"),
        (_with("steps: [{name: A, image: a b}]"), "1:44: services.shop.steps[0].image: 'a b': give an image address"),
        (_with("image: {image: a b}"), "1:34: services.shop.image.image: 'a b': give an image address"),
        (_with("tests: {buildspec: ../x}"), "1:38: services.shop.tests.buildspec: '../x': give the file's path"),
        ("defaults: {tests: {image: a b}}\nservices: {shop: {}}", "1:27: defaults.tests.image: 'a b': give an image"),
        (
            _with("source: {connection: c, repository: a/b, paths: [a b]}"),
            "services.shop.source.paths: 'a b': use 1 to",
        ),
        (
            f"environments: [{', '.join(f'{{id: E{number}}}' for number in range(9))}]\nservices: {{shop: {{}}}}",
            "environments: '9 environments': a stack of everything holds 8 at most",
        ),
        # Environments.
        ("environments: [{id: Shared}]\nservices: {shop: {}}", "environments[0].id: 'Shared': means what environments"),
        (
            "environments: [{id: prod}]\nservices: {shop: {}}",
            "environments[0].id: 'prod': differs in case only from Prod",
        ),
        (
            "environments: [{id: A}, {id: a}]\nservices: {shop: {}}",
            "environments[1].id: 'a': differs in case only from A",
        ),
        ("environments: [{id: A}, {id: A}]\nservices: {shop: {}}", "environments[1].id: 'A': is also that of another"),
        (
            _with("environments: {Prd: {}}"),
            "1:34: services.shop.environments.Prd: 'Prd': is no environment: is Prod meant?",
        ),
        (_in("tasks: {min: 6, max: 2}"), "1:33: environments[0].tasks: 'min 6, max 2': the least is above the most"),
        (
            _in("size: {cpu: 1, memory: 2}"),
            "environments[0].size: '1 CPU units, 2 MiB': is no size: give cpu and memory",
        ),
        (_in("network: {vpc: vpc-12345678}"), "environments[0].network: a mapping: has no subnets"),
        (
            _in("network: {vpc: vpc-12345678, public_subnets: [subnet-12345678, subnet-12345678]}"),
            "environments[0].network: 'subnet-12345678': stands here twice",
        ),
        (_in("region: eu-west-9"), "1:34: environments[0].region: 'eu-west-9': there is no region of this name"),
        (_in(f"region: us-east-1, key: '{KEY}'"), "environments[0].key: 'arn:aws:kms:eu-west-1:1111"),
        (
            _in(f"region: us-east-1, certificate: '{CERTIFICATE}'"),
            ": is in another region than the environment Dev: give one",
        ),
        (
            f"environments: [{{id: Dev, region: us-east-1}}]\nservices: {{shop: {{key: '{KEY}'}}}}",
            "2:24: services.shop.key: 'arn:aws:kms:eu-west-1:111122223333:key/",
        ),
        (
            _with(f"environments: {{Dev: {{key: '{KEY}'}}}}"),
            "services.shop.key: not given: QA and Dev are in one account",
        ),
        (
            _with("source: {connection: c, repository: a/b}, environments: {QA: {connection: d}}"),
            "services.shop.environments.QA.connection: 'd': QA and Dev are in one account and region",
        ),
        # Where the application is.
        (_with("source: {codecommit: other}"), "services.shop.source.codecommit: 'other': is made for the service"),
        ("defaults: {source: {codecommit: a}}\nservices: {shop: {}}", "1:33: defaults.source.codecommit: 'a': is made"),
        (
            _with("source: {codecommit: shop, connection: c}"),
            "services.shop.source.connection: 'c': belongs to a Git host",
        ),
        (
            "defaults: {source: {codecommit: a, connection: c}}\n" + _with("source: {codecommit: shop}"),
            "1:48: defaults.source.connection: 'c': belongs to a Git host, and the source is a CodeCommit repository",
        ),
        (
            _with("source: {codecommit: shop}, environments: {QA: {connection: c}}"),
            "services.shop.environments.QA.connection: 'c': belongs to a Git host",
        ),
        (_with("source: {connection: c}"), "1:27: services.shop.source.repository: not given: give the owner"),
        (
            _with("source: {repository: a/b}"),
            "services.shop.source.connection: not given: say which connection Dev has",
        ),
        (
            _with("environments: {QA: {connection: c}}"),
            "services.shop.source.connection: not given: say which connection",
        ),
        (
            _with("source: {connection: c, repository: a/b, host: GitLabSelfManaged}"),
            "services.shop.source.host_arn: not given: a connection to GitLabSelfManaged is made to a host of yours",
        ),
        (
            f"services:\n  a1: {SAME}\n  b1: {SAME}",
            "3:29: services.b1.source.connection: 'c': would be made for a1 as well: make it once, and give its ARN",
        ),
        (TWO_REGIONS + "shop: {}", "3:9: services.shop.source: 'CodeCommit': is in one account and region"),
        (
            TWO_REGIONS + "shop: {source: {codecommit: shop}}",
            "3:31: services.shop.source.codecommit: 'shop': is in one",
        ),
        # Values.
        (_with("log_retention_days: 2"), "1:39: services.shop.log_retention_days: 2: Choose one of the numbers"),
        (
            _with("architecture: ARM64, instance_type: t3.small"),
            "services.shop.instance_type: 't3.small': must be one of t4g",
        ),
        # The rollout.
        (
            "rollout: {permissions: service_managed}\nservices: {shop: {}}",
            "1:10: rollout.organizational_units: not given: say which units",
        ),
        (
            "rollout: {permissions: self_managed, organizational_units: [ou-ab12-cd34ef56]}\nservices: {shop: {}}",
            "rollout.organizational_units: ['ou-ab12-cd34ef56']: is for service_managed",
        ),
        (
            f"services: {{shop: {{}}}}\nrollout: {{permissions: service_managed, {UNITS}, execution_role: A}}",
            "rollout.execution_role: 'A': AWS Organizations brings its own roles: leave it out",
        ),
    ],
)
def test_what_is_refused(text: str, told: str) -> None:
    assert told in refused(text)


def test_a_connection_of_one_name_may_be_made_in_several_accounts() -> None:
    data = {
        "environments": [{"id": "Dev", "account": ACCOUNT}, {"id": "Live", "account": "444455556666"}],
        "services": {"shop": {"source": {"connection": "acme", "repository": "acme/shop"}}},
    }
    assert [each.values.source["connection"] for each in services(data).services[0].targets] == ["acme", "acme"]


@pytest.mark.parametrize("name", ["a1-dev-nodejs", "a1-dev-nodejs-x", "a1-shared-nodejs", "a1-prod-look"])
def test_no_service_is_called_like_anothers_test_reports(name: str) -> None:
    """A build may write to the report groups that begin with its project's name."""
    steps = [{"name": "Look", "permissions": ["test_reports"]}]
    near = ("a1-dev", "a1-dev-nodejsx", "a1-dev-image", "a1-dev-nodejs2", "a1-nodejs")
    for other in near:
        assert len(services({"services": {"a1": {"steps": steps}, other: {}}}).services) == 2
    with pytest.raises(SettingsFileError) as error:
        services({"services": {name: {}, "a1": {"steps": steps}}})
    assert f"services.{name}: {name!r}: builds of a1 may write test reports under this name" in str(error.value)
