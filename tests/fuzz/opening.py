"""Where the package opens files to read them, found in its source."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

import vsebench
import vsebench_plugins

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

PACKAGES = (vsebench, vsebench_plugins)

_NAMES = {
    *("open", "fdopen", "pread", "read_text", "read_bytes", "memmap", "fromfile", "memory_map"),
    *("load_file", "safe_open", "loadmat", "open_memmap", "ParquetFile", "File", "ZipFile"),
    *("DictReader", "from_pretrained", "read_json", "read_toml", "parse_toml", "read_lines"),
    *("stream_lines", "read_note", "open_npy", "read_header", "npz_arrays", "read_captions"),
}
_LOADERS = {"np", "numpy", "torch"}
"""Modules whose `load` reads a file."""


def openings() -> set[str]:
    """Functions that open files to read them: `vsebench.text:read_toml`."""
    return {
        f"{module}:{function}"
        for package in PACKAGES
        for module, path in _modules(package)
        for function in _opening(ast.parse(path.read_text(encoding="utf-8")))
    }


def _modules(package: ModuleType) -> Iterator[tuple[str, Path]]:
    for root in map(Path, package.__path__):
        for path in root.rglob("*.py"):
            parts = path.relative_to(root).with_suffix("").parts
            yield ".".join((package.__name__, *parts)).removesuffix(".__init__"), path


def _opening(tree: ast.AST, name: str = "<module>") -> Iterator[str]:
    """The qualified names, as code objects have them, of functions with such a call."""
    for child in ast.iter_child_nodes(tree):
        if isinstance(child, ast.Call) and _opens(child):
            yield name
        yield from _opening(child, _within(name, child))


def _within(name: str, node: ast.AST) -> str:
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return name
    if name == "<module>":
        return node.name
    in_class = name.rpartition(".")[2].lstrip("_")[:1].isupper()
    return f"{name}.{node.name}" if in_class else f"{name}.<locals>.{node.name}"


def _opens(call: ast.Call) -> bool:
    function = call.func
    name = getattr(function, "id", "") or getattr(function, "attr", "")
    owner = getattr(getattr(function, "value", None), "id", "")
    given = [*call.args, *(each.value for each in call.keywords)]
    modes = [each.value for each in given if isinstance(each, ast.Constant)]
    writes = any(isinstance(mode, str) and mode[:1] in ("w", "x", "a") for mode in modes)
    return not writes and (name in _NAMES or (name == "load" and owner in _LOADERS))
