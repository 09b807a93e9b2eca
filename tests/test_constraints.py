from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
GROUPS = {"dependencies": PROJECT["dependencies"], **PROJECT["optional-dependencies"]}


def pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return {
        canonicalize_name(name): version
        for name, _, version in (line.partition("==") for line in lines if not line.startswith("#"))
    }


@pytest.mark.parametrize("group", GROUPS)
def test_whatever_an_installation_asks_for_is_pinned_to_a_version_that_serves(group: str) -> None:
    pinned = pins()
    asked = [
        requirement
        for requirement in map(Requirement, GROUPS[group])
        if requirement.name != PROJECT["name"]
    ]
    assert [str(r) for r in asked if canonicalize_name(r.name) not in pinned] == []
    assert [str(r) for r in asked if pinned[canonicalize_name(r.name)] not in r.specifier] == []
