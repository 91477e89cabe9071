"""The regions of a template are those where CloudFormation can make all of its resources."""

from __future__ import annotations

import pytest
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from ecs_cd_templates.catalog import templates
from ecs_cd_templates.cfn.regions import lacking, partition_of, regions, services
from support import PARTITIONS

BUILDERS = templates()


@pytest.mark.parametrize("name", BUILDERS)
def test_cloudformation_knows_every_resource_type_there(name: str) -> None:
    template = BUILDERS[name]().to_dict()
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
    pipelines = regions(BUILDERS["deployment-pipeline-for-all-env.yaml"]().to_dict())["aws"]
    prerequisites = BUILDERS["prerequisites.yaml"]().to_dict()
    without = set(pipelines) - set(regions(prerequisites)["aws"])
    assert without
    for region in without:
        assert "AWS::CodeCommit::Repository" not in PROVIDER_SCHEMA_MANAGER.get_resource_types(region)
        assert lacking(prerequisites, region) == ["AWS::CodeCommit::Repository"]


def test_services_are_those_of_resources_and_actions() -> None:
    template = BUILDERS["deployment-pipeline-with-approval.yaml"]().to_dict()
    assert services(template) == {"codebuild", "codecommit", "codepipeline", "ecr", "ecs", "events", "sns"}
