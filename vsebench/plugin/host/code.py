"""What counts as a plugin's code: of a plugin file its content, of a package what Python runs of
its files. Comments, docstrings and layout of a package do not count: most of its files lie beside
the method that is being worked on.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import importlib.metadata
import importlib.util
import json
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_DIGITS = 12
_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def file_digest(path: Path) -> str:
    """Digest of the content of a plugin file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:_DIGITS]


def package_digest(module: str) -> str:
    """Digest of the code of every Python file of the top-level package, or module, that holds a
    module; empty where it is not found. Nothing is imported.
    """
    top = module.partition(".")[0]
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return ""
    if spec is None:
        return ""
    if not spec.submodule_search_locations:
        if not spec.has_location or spec.origin is None:
            return ""
        return _digest([_code(Path(spec.origin).read_bytes())])
    folder = Path(next(iter(spec.submodule_search_locations)))
    state = tuple(
        (path, stat.st_mtime_ns, stat.st_size)
        for path in sorted(folder.rglob("*.py"))
        for stat in [path.stat()]
    )
    return _files_digest(folder, state)


@functools.lru_cache(maxsize=16)  # for every entry point of the package
def _files_digest(folder: Path, state: tuple[tuple[Path, int, int], ...]) -> str:
    return _digest(
        [
            part
            for path, *_ in state
            for part in (path.relative_to(folder).as_posix(), _code(path.read_bytes()))
        ]
    )


def is_editable(distribution: importlib.metadata.Distribution) -> bool:
    """Whether a distribution was installed with `pip install -e`, so that its code changes without
    a release.
    """
    try:
        about = json.loads(distribution.read_text("direct_url.json") or "{}")
        return bool(about.get("dir_info", {}).get("editable", False))
    except (ValueError, AttributeError, OSError):
        return False


def _digest(parts: list[str]) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:_DIGITS]


def _code(source: bytes) -> str:
    """The syntax tree as text, the same under every release of Python that knows the syntax; of
    what is no Python, the bytes.
    """
    try:
        with warnings.catch_warnings(action="ignore"):  # importing it warns
            return "".join(_told(ast.parse(source)))
    except (SyntaxError, ValueError, RecursionError):
        return source.hex()


def _told(item: object) -> Iterator[str]:
    """A node by its type and the fields that hold something: later releases of Python add fields,
    which older code leaves empty.
    """
    if isinstance(item, ast.AST):
        yield f"{type(item).__name__}("
        for name, value in ast.iter_fields(item):
            if name == "body" and isinstance(item, _DOCUMENTED):
                value = _undocumented(value)
            if value is not None and value != [] and name not in ("kind", "type_comment"):
                yield f"{name}="
                yield from _told(value)
        yield ")"
    elif isinstance(item, list):
        yield "["
        for each in item:
            yield from _told(each)
        yield "]"
    else:
        yield f"{item!r},"


def _undocumented(body: list[ast.stmt]) -> list[ast.stmt]:
    first = body[0] if body else None
    documented = (
        isinstance(first, ast.Expr)
        and isinstance(first.value, ast.Constant)
        and isinstance(first.value.value, str)
    )
    return body[1:] if documented else body
