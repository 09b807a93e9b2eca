"""Entries of docstrings are noun phrases that stand alone, not ends of what a name begins."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = [path for folder in ("vsebench", "plugins") for path in (ROOT / folder).rglob("*.py")]
FRAGMENT = re.compile(
    r"(of|that|to|for|in|on|with|by|from|as|whose|at|is|are|has|have|was|under|it|beside|over"
    r"|between|per|likewise|until|since|given|so)\b"
)


def entries(source: str) -> Iterator[tuple[str, str]]:
    """Name and text of every entry under Args and Attributes."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Module):
            continue
        inside = False
        for line in (ast.get_docstring(node) or "").splitlines():
            if not line.startswith(" "):
                inside = line in ("Args:", "Attributes:") or (inside and not line)
            elif inside and (found := re.match(r" {4}(\*{0,2}\w+)(?: \(.*?\))?: (.*)", line)):
                yield found[1], found[2]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_entries_stand_alone(path: Path) -> None:
    found = entries(path.read_text(encoding="utf-8"))
    assert [f"{name}: {text}" for name, text in found if FRAGMENT.match(text)] == []


def test_a_fragment_is_found() -> None:
    source = (
        'def f(a, b):\n    """F.\n\n    Args:\n        a: of b.\n        b: size of a.\n    """'
    )
    assert [name for name, text in entries(source) if FRAGMENT.match(text)] == ["a"]
