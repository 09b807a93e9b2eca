"""What the source of a component says of it, read without importing it."""

from __future__ import annotations

import ast
import inspect
import re
import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path

_ENTRIES = re.compile(r"^(Args|Attributes|Returns|Raises|Yields):$", re.MULTILINE)


def docstring_of(target: str) -> str:
    """The text of a class's or a function's docstring above its entries, equations included; empty
    where there is none, or its source is not at hand.

    Args:
        target: `"module:Class"`.
    """
    module, _, attribute = target.partition(":")
    for node in _tree(module).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == attribute:
            text = inspect.cleandoc(ast.get_docstring(node) or "")
            return _ENTRIES.split(text, maxsplit=1)[0].strip()
    return ""


@cache
def _tree(module: str) -> ast.Module:
    loaded = sys.modules.get(module)
    try:
        spec = None if loaded is not None else find_spec(module)
    except ImportError:  # of a package around it
        spec = None
    origin = getattr(loaded, "__file__", None) or (spec.origin if spec is not None else None)
    path = Path(origin) if origin else None
    if path is None or path.suffix != ".py" or not path.is_file():
        return ast.Module([], [])
    return ast.parse(path.read_text(encoding="utf-8"))
