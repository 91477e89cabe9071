"""Nobody is told to install by a name that anybody could register at a package index."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from support import ROOT

README = ROOT / "README.md"
READ = sorted(
    path
    for path in (*ROOT.glob("*.md"), ROOT / "Makefile", *(ROOT / "docs").rglob("*"), *(ROOT / "src").rglob("*"))
    if path.suffix in {".py", ".js", ".json", ".html", ".md", ""} and path.is_file() and ".egg-info" not in str(path)
)
# With an extra, or as what pip is to install. A path or a file is no bare name.
BY_NAME = re.compile(
    r"""(?<![\w./-])ecs[-_.]cd[-_.]templates\[|pip install [-\w ='"]*(?<![\w./-])ecs[-_.]cd[-_.]templates(?![\w/-])"""
)


@pytest.mark.parametrize("path", READ, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_text_recommends_the_bare_name(path: Path) -> None:
    assert BY_NAME.findall(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("pip install 'ecs-cd-templates[aws]'", True),
        ("pip install ecs-cd-templates", True),
        ("python -m pip install --upgrade ecs_cd_templates.", True),
        ("needs ``ecs-cd-templates[aws]``", True),
        ("pip install '.[aws]'", False),
        ("pip install 'FILE.whl[aws]'", False),
        ("pip install dist/ecs_cd_templates-0.1.0-py3-none-any.whl", False),
        ("pip install './ecs-cd-templates[aws]'", False),
        ("pip install ., and then ecs-cd-templates render", False),
    ],
)
def test_what_counts_as_the_bare_name(text: str, found: bool) -> None:
    assert bool(BY_NAME.search(text)) == found
