"""What the source of a component says of it, read without importing it."""

from __future__ import annotations

import ast
import inspect
import re
import sys
from functools import cache
from importlib.util import find_spec, resolve_name
from pathlib import Path
from typing import NamedTuple

_ENTRIES = re.compile(r"^(Args|Attributes|Returns|Raises|Yields):$", re.MULTILINE)
_LAID_OUT = re.compile(r"^(\s|[-*] |\d+[.)] )", re.MULTILINE)
"""A line of what was laid out by hand: indented, or of a list."""
_HOPS = 4
"""Modules in a row that may import a class from each other."""


def docstring_of(target: str) -> str:
    """The text of a class's or a function's docstring above its entries, a paragraph a line, with
    indented equations and lists as they are; empty where there is none, or its source is not at
    hand.

    Args:
        target: `"module:Class"`.
    """
    module, _, attribute = target.partition(":")
    for _ in range(_HOPS):
        source = _source(module)
        for node in source.tree.body:
            if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == attribute:
                text = inspect.cleandoc(ast.get_docstring(node) or "")
                return _filled(_ENTRIES.split(text, maxsplit=1)[0].strip())
        found = _imported(source, attribute)
        if found is None:
            break
        module, attribute = found
    return ""


def _filled(text: str) -> str:
    return "\n\n".join(
        part if _LAID_OUT.search(part) else " ".join(part.split("\n"))
        for part in re.split(r"\n\s*\n", text)
    )


class _Source(NamedTuple):
    """A module's source.

    Attributes:
        package: package that its relative imports are of.
        tree: what it says; empty where it is not at hand.
    """

    package: str
    tree: ast.Module


def _imported(source: _Source, name: str) -> tuple[str, str] | None:
    """The module and the name that a name of a source stands for; None of one not imported."""
    for node in source.tree.body:
        for alias in node.names if isinstance(node, ast.ImportFrom) else ():
            if (alias.asname or alias.name) == name:
                assert isinstance(node, ast.ImportFrom)
                dotted = "." * node.level + (node.module or "")
                try:
                    return resolve_name(dotted, source.package), alias.name
                except ImportError:  # relative, outside a package
                    return None
    return None


@cache
def _source(module: str) -> _Source:
    loaded = sys.modules.get(module)
    try:
        spec = loaded.__spec__ if loaded is not None else find_spec(module)
    except ImportError:  # of a package around it
        spec = None
    origin = getattr(loaded, "__file__", None) or (spec.origin if spec is not None else None)
    package = (spec.parent or "") if spec is not None else ""
    path = Path(origin) if origin else None
    if path is None or path.suffix != ".py" or not path.is_file():
        return _Source(package, ast.Module([], []))
    try:
        return _Source(package, ast.parse(path.read_text(encoding="utf-8")))
    except (SyntaxError, ValueError):  # whoever creates the component is told
        return _Source(package, ast.Module([], []))
