"""Modules import each other in no circle, imports inside functions and for annotations among them;
import-linter sees circles between packages alone.
"""

from __future__ import annotations

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parents[1]
PACKAGES = (ROOT / "vsebench", ROOT / "plugins" / "vsebench_plugins")


def sources() -> dict[str, str]:
    """Every module's text, by its name."""
    return {
        ".".join(path.relative_to(package.parent).with_suffix("").parts).removesuffix(
            ".__init__"
        ): path.read_text(encoding="utf-8")
        for package in PACKAGES
        for path in package.rglob("*.py")
        if "templates" not in path.parts
    }


def imported(source: str, modules: Mapping[str, object]) -> set[str]:
    """The modules that one imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            found |= {name if name in modules else node.module for name in names}
    return found & modules.keys()


def circle(modules: Mapping[str, str]) -> list[str]:
    """Modules each of which imports the one before it, the first the last; empty where none do."""
    graph = {name: imported(source, modules) - {name} for name, source in modules.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_no_modules_import_each_other_in_a_circle() -> None:
    found = sources()
    assert len(found) > 500
    assert circle(found) == []


@pytest.mark.parametrize(
    ("first", "closed"),
    [
        ("import b", True),
        ("def f():\n    from p import c", True),
        ("from b import x", True),
        ("if TYPE_CHECKING:\n    import b", True),
        ("import d", False),
    ],
)
def test_a_circle_is_seen(first: str, closed: bool) -> None:
    modules = {"a": first, "b": "import a", "p": "", "p.c": "from b import y", "d": ""}
    assert bool(circle(modules)) == closed
