"""Files below a directory are compared by their paths, templates and parameter files by what they say."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from ecs_cd_templates import ParameterFileError
from ecs_cd_templates.cfn.differences import Difference
from ecs_cd_templates.cli import differences
from ecs_cd_templates.cli.differences import compared, show
from ecs_cd_templates.launch.parameter_files import to_text

PATTERNS = ("*/templates/*.yaml", "*/params/*.json")
TEMPLATE = "Resources:\n  {}:\n    Type: AWS::EC2::RouteTable\n    Properties:\n      VpcId: a\n"
CONTENTS = {
    "cart/templates/a.yaml": TEMPLATE.format("A"),
    "cart/params/a.json": to_text({"Name": "cart", "Size": "1"}),
    "shop/templates/a.yaml": TEMPLATE.format("A"),
    "shop/policies/a.txt": "x",
}


def _written(directory: Path, contents: Mapping[str, str]) -> None:
    for name, text in contents.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_compares_a_tree(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    here = Path("out")
    _written(here, CONTENTS)
    assert show(here, compared(here, CONTENTS, PATTERNS)) == 0
    assert capsys.readouterr().out == "differ: 0, new: 0, left over: 0, the same: 4\n"

    _written(here, {"gone/templates/a.yaml": "x", "gone/params/a.json": "x", "gone/notes.yaml": "x"})
    new = {
        **CONTENTS,
        "cart/templates/a.yaml": TEMPLATE.format("B"),
        "cart/params/a.json": to_text({"Name": "cart", "Size": "2"}),
        "shop/policies/a.txt": "y",
        "shop/templates/b.yaml": TEMPLATE.format("B"),
    }
    assert show(here, compared(here, new, PATTERNS)) == 1
    assert capsys.readouterr().out.replace("\\", "/").splitlines() == [
        "out/cart/templates/a.yaml",
        "  removed: resource A (AWS::EC2::RouteTable): DELETED",
        "  added: resource B (AWS::EC2::RouteTable)",
        "out/cart/params/a.json",
        '  changed: parameter Size: "1" → "2"',
        "out/shop/policies/a.txt",
        "  changed",
        "new file: out/shop/templates/b.yaml",
        "left over: out/gone/params/a.json",
        "left over: out/gone/templates/a.yaml",
        "differ: 3, new: 1, left over: 2, the same: 1; DELETED: 1",
    ]


def test_refuses_what_is_no_parameter_file(tmp_path: Path) -> None:
    _written(tmp_path, CONTENTS | {"cart/params/a.json": "{}"})
    with pytest.raises(ParameterFileError, match="is not a list"):
        compared(tmp_path, CONTENTS, PATTERNS)


def test_many_places_of_one_thing_are_counted_but_for_those_with_an_effect() -> None:
    places = [Difference(kind="changed", thing="rule R", place=f"A[{n}]", old=1, new=2) for n in range(9)]
    effect = Difference(kind="changed", thing="rule R", place="B", old=1, new=2, effect="REPLACED")
    lines = differences._lines([*places, effect, Difference(kind="added", thing="rule S")])
    assert lines == [
        *(f"changed: rule R: A[{n}]: 1 → 2" for n in range(5)),
        "changed: rule R: B: 1 → 2: REPLACED (and more places: 4)",
        "added: rule S",
    ]
