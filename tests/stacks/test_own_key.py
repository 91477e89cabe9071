"""With a key of yours, everything that can be encrypted with it is, and each form asks for it once."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from ecs_cd_templates import PipelineSettings, RenderSettings
from ecs_cd_templates.cfn.intrinsics import walk
from ecs_cd_templates.constraints import KMS_KEY_ARN
from ecs_cd_templates.launch.bundle import published_templates
from ecs_cd_templates.steps import BUILD_STEPS
from support import DEFAULT, PARTITIONS, data, key_arn

OWN_KEY = RenderSettings(pipeline=PipelineSettings(own_key=True))
NESTED = replace(OWN_KEY, nested_base_url="https://templates.s3.eu-west-1.amazonaws.com/p")
KEY = {"Ref": "KmsKeyArn"}

# What is encrypted, and where it says with which key.
ENCRYPTED: dict[str, tuple[str, dict[str, Any]]] = {
    "AWS::S3::Bucket": (
        "BucketEncryption",
        {
            "ServerSideEncryptionConfiguration": [
                {
                    "BucketKeyEnabled": True,
                    "ServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": KEY},
                }
            ]
        },
    ),
    "AWS::SNS::Topic": ("KmsMasterKeyId", KEY),
    "AWS::CodeBuild::Project": ("EncryptionKey", KEY),
    "AWS::ECR::Repository": ("EncryptionConfiguration", {"EncryptionType": "KMS", "KmsKey": KEY}),
}


@pytest.mark.parametrize("name", data())
def test_everything_is_encrypted_with_it(name: str) -> None:
    template = data(OWN_KEY)[name]
    found = 0
    for resource in template["Resources"].values():
        if resource["Type"] in ENCRYPTED:
            where, how = ENCRYPTED[resource["Type"]]
            assert resource["Properties"][where] == how
            found += 1
        if resource["Type"] == "AWS::CodePipeline::Pipeline":
            assert resource["Properties"]["ArtifactStore"]["EncryptionKey"] == {"Id": KEY, "Type": "KMS"}
            found += 1
    assert ("KmsKeyArn" in template["Parameters"]) == bool(found)
    assert found == sum(
        resource["Type"] in {*ENCRYPTED, "AWS::CodePipeline::Pipeline"}
        for resource in data(DEFAULT)[name]["Resources"].values()
    )


@pytest.mark.parametrize("name", data())
def test_no_form_asks_for_a_key_otherwise(name: str) -> None:
    assert KEY not in list(walk(data()[name]))
    assert "KmsKeyArn" not in data()[name]["Parameters"]


def test_nested_pipelines_get_it() -> None:
    stacks = data(NESTED)["deployment-pipeline-for-all-env.yaml"]["Resources"].values()
    assert [stack["Properties"]["Parameters"]["KmsKeyArn"] for stack in stacks] == [KEY] * len(stacks)


def test_the_next_forms_are_filled_in_with_it() -> None:
    url = "https://templates.s3.eu-west-1.amazonaws.com/p"
    outputs = published_templates(OWN_KEY, url, nested=False)["prerequisites.yaml"]().to_dict()["Outputs"]
    assert outputs["KmsKeyArn"]["Value"] == KEY
    launches = [output for name, output in outputs.items() if name.startswith("Launch")]
    assert len(launches) == len(BUILD_STEPS) + 1
    for launch in launches:
        assert "param_KmsKeyArn=${KmsKeyArn}" in json.dumps(launch)


@pytest.mark.parametrize("partition", PARTITIONS)
def test_only_the_arn_of_a_key_is_taken(partition: str) -> None:
    arn = key_arn(PARTITIONS[partition])
    before, _, identifier = arn.rpartition("/")
    assert KMS_KEY_ARN.accepts(arn)
    assert KMS_KEY_ARN.accepts(f"{before}/mrk-{identifier.replace('-', '')}")
    for other in (
        *("", identifier, f"alias/{identifier}", f"{before}/", f"{arn}x", f"{before}/mrk-1", arn.upper()),
        *(arn.replace(":key/", ":alias/"), arn.replace(":kms:", ":s3:"), arn.replace("arn:", "arn:x")),
        arn.replace(f":{PARTITIONS[partition].region}:", "::"),
    ):
        assert not KMS_KEY_ARN.accepts(other)
