"""The environments that pipelines deploy to."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .checks import flag, text, whole_number
from .constraints import BRANCH
from .errors import SettingsError

# Keys end up in logical IDs, which are alphanumeric and at most 255 characters long. These tighter
# lengths are ours: they keep the longest possible list of environments below CloudFormation's 1 MB.
MAX_KEY_LENGTH = 40
MAX_WORDS_LENGTH = 80


@dataclass(frozen=True, kw_only=True)
class Environment:
    """One environment that a pipeline deploys to.

    ``key`` goes into parameter names and logical IDs (``CodePipelineNameFor{key}Env``): 1 to 40
    ASCII letters and digits. ``words`` go into the labels ("… for the {words} environment?"): 1 to
    80 characters on one line. With ``approval`` nothing is built before a person approves.
    ``default_branch`` is the branch that the form proposes, if any. ``images_to_keep`` (1 to 1000)
    is the number of images that the proposed lifecycle policy leaves in the ECR repository.

    Raises :class:`SettingsError`.
    """

    key: str
    words: str
    approval: bool = False
    default_branch: str | None = None
    images_to_keep: int = 5

    def __post_init__(self) -> None:
        if not re.fullmatch(rf"[A-Za-z0-9]{{1,{MAX_KEY_LENGTH}}}", text("Environment.key", self.key)):
            raise SettingsError(
                "Environment.key", self.key, f"use 1 to {MAX_KEY_LENGTH} ASCII letters and digits, such as 'Dev'"
            )
        words = text("Environment.words", self.words)
        if not (words.isprintable() and words.strip() == words and 0 < len(words) <= MAX_WORDS_LENGTH):
            raise SettingsError(
                "Environment.words",
                words,
                f"use 1 to {MAX_WORDS_LENGTH} printable characters on one line, such as 'quality assurance'",
            )
        flag("Environment.approval", self.approval)
        branch = self.default_branch
        # A default that the parameter's own pattern refuses would fail every launch.
        if branch is not None and not BRANCH.accepts(text("Environment.default_branch", branch)):
            raise SettingsError("Environment.default_branch", branch, BRANCH.words)
        whole_number("Environment.images_to_keep", self.images_to_keep, 1, 1000)


THREE_ENVIRONMENTS: tuple[Environment, ...] = (
    Environment(key="Dev", words="development", default_branch="master"),
    Environment(key="QA", words="quality assurance"),
    Environment(key="Prod", words="production", approval=True, images_to_keep=100),
)
"""Development, quality assurance and production; only production waits for an approval."""
