"""Rules for cfn-lint that know pipelines: one a file, for anybody's template.

``cfn-lint --append-rules ecs_cd_templates.rules TEMPLATE`` runs them beside cfn-lint's own, where both are installed.
"""

from __future__ import annotations

from .action_configurations import ActionConfigurations
from .action_providers import ActionProviders
from .action_variables import ActionVariables
from .artifacts import Artifacts
from .build_images import BuildImages
from .event_rules import EventRules
from .lifecycle_policies import LifecyclePolicies
from .pipeline_projects import PipelineProjects
from .pipeline_roles import PipelineRoles
from .pipeline_types import PipelineTypes
from .privileged_builds import PrivilegedBuilds
from .service_parts import ServiceParts
from .variable_namespaces import VariableNamespaces

RULES = (
    ActionProviders,
    ActionConfigurations,
    ActionVariables,
    Artifacts,
    PipelineProjects,
    PrivilegedBuilds,
    BuildImages,
    LifecyclePolicies,
    PipelineTypes,
    EventRules,
    VariableNamespaces,
    PipelineRoles,
    ServiceParts,
)
"""All of them, in the order of their ids."""

__all__ = [
    "RULES",
    "ActionConfigurations",
    "ActionProviders",
    "ActionVariables",
    "Artifacts",
    "BuildImages",
    "EventRules",
    "LifecyclePolicies",
    "PipelineProjects",
    "PipelineRoles",
    "PipelineTypes",
    "PrivilegedBuilds",
    "ServiceParts",
    "VariableNamespaces",
]
