"""Plugins import public names only: those of `__all__` in the modules that the reference names."""

from __future__ import annotations

import ast
import re
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
REFERENCE = (ROOT / "docs" / "reference" / "plugin.md").read_text(encoding="utf-8")
KERNELS = re.findall(r"^::: (vsebench\.kernels[\w.]*)$", REFERENCE, flags=re.MULTILINE)
PUBLIC = {"vsebench", "vsebench.plugin", "vsebench.retrieval", "vsebench.testing", *KERNELS}
"""Tests of plugins evaluate, too: `from vsebench.retrieval import evaluate`."""

SOURCES = sorted((ROOT / "plugins").rglob("*.py"))
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs" / "plugins").glob("*.md"))]


def misuses(code: str) -> Iterator[str]:
    """The names of vsebench that code imports and that are not public, imports for annotations
    among them.
    """
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.startswith("vsebench.") and alias.name not in PUBLIC:
                    yield alias.name
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            if node.module != "vsebench" and not node.module.startswith("vsebench."):
                continue
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                public = node.module in PUBLIC and alias.name in import_module(node.module).__all__
                if not public and whole not in PUBLIC:
                    yield whole


@pytest.mark.parametrize("module", sorted(PUBLIC))
def test_a_public_module_has_the_names_that_it_lists(module: str) -> None:
    found = import_module(module)
    assert [name for name in found.__all__ if not hasattr(found, name)] == []
    assert len(set(found.__all__)) == len(found.__all__)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT / "plugins")))
def test_a_plugin_imports_public_names_only(path: Path) -> None:
    assert list(misuses(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_for_authors_imports_public_names_only(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    blocks = re.findall(r"^```python[^\n]*\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
    assert [name for block in blocks for name in misuses(block)] == []


@pytest.mark.parametrize(
    ("code", "wrong"),
    [
        ("from vsebench.plugin import Card", []),
        ("from vsebench.kernels import negatives_numba, valid_mask", []),
        ("from vsebench.plugin.cards import Card", ["vsebench.plugin.cards.Card"]),
        ("from vsebench.plugin import cards", ["vsebench.plugin.cards"]),
        ("from vsebench.kernels.jit import Function", ["vsebench.kernels.jit.Function"]),
        ("import vsebench.grid.plan", ["vsebench.grid.plan"]),
        ("if TYPE_CHECKING:\n    from vsebench.results.spec import RunSpec", None),
        ("import vsebench_plugins.gpo, vsebench", []),
    ],
)
def test_what_is_not_public_is_found(code: str, wrong: list[str] | None) -> None:
    assert list(misuses(code)) == (["vsebench.results.spec.RunSpec"] if wrong is None else wrong)
