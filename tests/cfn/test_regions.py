"""The regions of a template are those where CloudFormation can make all of its resources."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from ecs_cd_templates.catalog import templates
from ecs_cd_templates.cfn.regions import lacking, partition_of, regions, services
from ecs_cd_templates.errors import MissingExtraError, RegionError
from support import PARTITIONS, built


@pytest.mark.parametrize("name", templates())
def test_cloudformation_knows_every_resource_type_there(name: str) -> None:
    template = built()[name]
    types = {resource["Type"] for resource in template["Resources"].values()}
    found = regions(template)
    assert found.keys() == PARTITIONS.keys()
    for partition, names in found.items():
        assert len(names) >= 2, f"{name} can hardly be launched in {partition}"
        for region in names:
            assert types <= set(PROVIDER_SCHEMA_MANAGER.get_resource_types(region)), region
            assert lacking(template, region) == []
            assert partition_of(region) == partition


def test_no_region_is_left_out_for_nothing() -> None:
    """Where the repository cannot be made, the pipelines of an existing one can."""
    pipelines = regions(built()["deployment-pipeline-for-all-env.yaml"])["aws"]
    prerequisites = built()["prerequisites.yaml"]
    without = set(pipelines) - set(regions(prerequisites)["aws"])
    assert without
    for region in without:
        assert "AWS::CodeCommit::Repository" not in PROVIDER_SCHEMA_MANAGER.get_resource_types(region)
        assert lacking(prerequisites, region) == ["AWS::CodeCommit::Repository"]


def test_services_are_those_of_resources_and_actions() -> None:
    template = built()["deployment-pipeline-with-approval.yaml"]
    assert services(template) == {"codebuild", "codecommit", "codepipeline", "ecr", "ecs", "events", "sns"}


def test_a_region_lacks_something_where_it_is_not_among_the_templates_regions() -> None:
    every = {
        region for those in regions({"Resources": {"Bucket": {"Type": "AWS::S3::Bucket"}}}).values() for region in those
    }
    for template in built().values():
        complete = {region for those in regions(template).values() for region in those}
        for region in every:
            assert bool(lacking(template, region)) == (region not in complete)


@pytest.mark.parametrize("region", ["", "eu-west-9", "EU-WEST-1", "eu-west-1 ", "eu_west_1", "us-iso-east-1", "aws"])
def test_a_region_that_is_none_is_refused(region: str) -> None:
    with pytest.raises(RegionError):
        partition_of(region)


def test_without_the_extra_it_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    from ecs_cd_templates.cfn import regions as module

    module._session.cache_clear()
    monkeypatch.setitem(sys.modules, "botocore.session", None)
    with pytest.raises(MissingExtraError, match=r"in the checkout, pip install '\.\[aws\]'"):
        partition_of("eu-west-1")


@pytest.mark.parametrize(
    "resources",
    [
        {"Thing": {"Type": "AWS::Nobody::Thing"}},
        {"Pipeline": {"Type": "AWS::CodePipeline::Pipeline", "Stages": [{"ActionTypeId": {"Provider": "Jenkins"}}]}},
    ],
)
def test_a_service_that_is_in_no_table_is_an_error_that_says_where_to_add_it(resources: dict[str, Any]) -> None:
    with pytest.raises(RegionError, match=r"'(AWS::Nobody|Jenkins)': its regions are not known: .* cfn/regions\.py"):
        regions({"Resources": resources})


def test_a_template_of_what_is_everywhere_can_be_launched_everywhere() -> None:
    everywhere = regions({"Resources": {"Role": {"Type": "AWS::IAM::Role"}}})
    assert "us-east-1" in everywhere["aws"]
    assert len(everywhere["aws"]) > 25
