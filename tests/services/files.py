"""Settings files that tests begin with."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from ecs_cd_templates.errors import SettingsFileError
from ecs_cd_templates.services import Services, read_settings_text
from ecs_cd_templates.services.reading import Document

ACCOUNT = "111122223333"
KEY = f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
CONNECTION = f"arn:aws:codeconnections:eu-west-1:{ACCOUNT}:connection/1234abcd-12ab-34cd-56ef-1234567890ab"
HOST = f"arn:aws:codeconnections:eu-west-1:{ACCOUNT}:host/own-1234abcd"
CERTIFICATE = f"arn:aws:acm:eu-west-1:{ACCOUNT}:certificate/1234abcd-12ab-34cd-56ef-1234567890ab"

_MACHINE = {
    "image": "aws/codebuild/amazonlinux-aarch64-standard:4.0",
    "compute_type": "BUILD_GENERAL1_MEDIUM",
    "timeout_minutes": 45,
    "cache": True,
}
_OVERRIDE = {
    "branch": "live",
    "approval": "before_deploy",
    "production": True,
    "images_to_keep": 50,
    "release_tags": ["v*"],
    "tasks": {"min": 2, "max": 6},
    "size": {"cpu": 512, "memory": 1024},
    "certificate": CERTIFICATE,
    "network": {
        "vpc": "vpc-12345678",
        "public_subnets": ["subnet-11111111", "subnet-22222222"],
        "private_subnets": ["subnet-33333333", "subnet-44444444"],
    },
    "container_insights": "enhanced",
    "deletion_protection": True,
    "account": ACCOUNT,
    "region": "eu-west-1",
    "connection": CONNECTION,
    "key": KEY,
}
_DEFAULTS = {
    "source": {
        "connection": CONNECTION,
        "repository": "acme/shop",
        "host": "GitLabSelfManaged",
        "host_arn": HOST,
        "paths": ["src/**"],
    },
    "architecture": "ARM64",
    "pipeline_type": "V2",
    "rollback_on_failure": False,
    "tag_mutability": "MUTABLE",
    "scan_on_push": False,
    "approval_message": "shown",
    "approval_email": "ops@example.com",
    "approval_timeout_minutes": 1440,
    "deployment_timeout_minutes": 30,
    "tests": {"buildspec": "buildspec_tests.yml", **_MACHINE},
    "image": {"buildspec": "buildspec_image.yml", **_MACHINE},
    "steps": [
        {
            "name": "SecurityScan",
            "display_name": "scan",
            "buildspec": "buildspec_scan.yml",
            "after": "image",
            "privileged": True,
            "permissions": ["test_reports"],
            **_MACHINE,
        }
    ],
    "launch_type": "EC2",
    "instance_type": "t4g.small",
    "port": 3000,
    "first_image": "example.com/first:1",
    "cpu_target_percent": 50,
    "health_check_path": "/health",
    "log_retention_days": 365,
    "artifact_expiration_days": 100,
    "network_cidr": "10.1.0.0/16",
    "key": KEY,
    "tags": {"team": "checkout"},
}
FULL: dict[str, Any] = {
    "defaults": {**_DEFAULTS, "source": {**_DEFAULTS["source"]}},  # type: ignore[dict-item]
    "environments": [
        {"id": "Dev", "display_name": "development", **_OVERRIDE},
        {"id": "Live", "display_name": "live site", **_OVERRIDE},
    ],
    "services": {
        "shop": {**_DEFAULTS, "environments": {"Live": _OVERRIDE}},
        "cart": {},
    },
    "rollout": {
        "permissions": "service_managed",
        "organizational_units": ["ou-ab12-cd34ef56"],
        "delegated_admin": True,
    },
}
"""A file with every key, but for those of another kind of source or rollout."""

CODECOMMIT: dict[str, Any] = {
    "services": {"shop": {"source": {"codecommit": "shop"}}},
    "rollout": {
        "permissions": "self_managed",
        "administration_role": "Administration",
        "execution_role": "Execution",
    },
}
"""A file with the others."""


def document(data: Any) -> Document:
    """The data as what a file says."""
    return Document("ecs-cd.yaml", data, {(): (1, 1)})


def written(data: Any) -> str:
    """The text of a file with the data."""
    return yaml.dump(data, Dumper=_WithoutAliases, sort_keys=False)


class _WithoutAliases(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True


def services(data: Any) -> Services:
    """What a file with the data says."""
    return read_settings_text("ecs-cd.yaml", written(data).encode())


def refused(text: str | bytes) -> str:
    """The line that says why the text is no settings file."""
    content = text.encode() if isinstance(text, str) else text
    with pytest.raises(SettingsFileError) as error:
        read_settings_text("ecs-cd.yaml", content)
    line = str(error.value)
    assert len(line.splitlines()) == 1
    return line
