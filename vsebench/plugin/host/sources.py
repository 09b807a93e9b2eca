"""Sources of plugins: entry points of installed distributions, and files named on the command line;
and the digest of their code.

The digest of a plugin file covers its content, that of a package the syntax trees of its files:
comments, docstrings and layout do not count, since most files have nothing to do with the method
under development.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import importlib.metadata
import importlib.util
import json
import re
import sys
import warnings
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from vsebench.plugin.errors import PluginError
from vsebench.plugin.host.contain import same_random_numbers
from vsebench.plugin.registry import DISTRIBUTION, Origin

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType


GROUP = "vsebench"
_DIGITS = 12
_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True)
class PluginSource:
    """One plugin, not yet imported.

    Attributes:
        origin: its identity.
        location: the entry point's value, or the path of the file.
        load: imports it.
        asked_for: named by path in the request, so that no list leaves it out and its failure is
            the request's.
        requires: requirements in its distribution's metadata.
    """

    origin: Origin
    location: str
    load: Callable[[], Any]
    asked_for: bool = False
    requires: tuple[str, ...] = ()

    @property
    def first_party(self) -> bool:
        return self.origin.first_party

    @contextmanager
    def contained(self) -> Iterator[None]:
        """Around its import: see `vsebench.plugin.host.contain`."""
        with self.origin.contained("when it was imported", subject="it"), same_random_numbers():
            yield

    @property
    def names(self) -> frozenset[str]:
        """Its names in the lists of the environment, normalised."""
        return frozenset({normalise(self.origin.plugin), normalise(self.origin.distribution)})


def normalise(name: str) -> str:
    """Names of distributions and entry points compare without case, and with `-`, `_` and `.`
    alike.
    """
    return re.sub(r"[-_.]+", "-", name.strip()).lower()


def installed_sources() -> list[PluginSource]:
    """Every plugin of the entry-point group `vsebench`, first-party ones first, in an order that
    does not depend on the search path.

    Raises:
        PluginError: the suite itself is not installed, so that not even its own components can be
            found.
    """
    unique: dict[tuple[str, str], PluginSource] = {}
    repeated: list[PluginSource] = []
    for entry in importlib.metadata.entry_points(group=GROUP):
        source = entry_point_source(entry)
        first = unique.setdefault((source.origin.distribution, source.origin.plugin), source)
        if first.location != source.location:
            repeated.append(_repeated(source, first))
    if not any(source.first_party for source in unique.values()):
        raise PluginError(
            "vsebench is not installed, so its components cannot be found: run 'pip install -e .' "
            "in the source checkout"
        )
    return sorted(
        [*unique.values(), *repeated],
        key=lambda source: (
            not source.first_party,
            source.origin.distribution,
            source.origin.plugin,
        ),
    )


def entry_point_source(entry: importlib.metadata.EntryPoint) -> PluginSource:
    """An installed plugin. Metadata may be damaged, which must not stop the others."""
    about = _described(entry.dist) if entry.dist else _Described()
    # A release is told by its cards' versions, and so is vsebench from a checkout
    developed = about.editable and about.name != DISTRIBUTION
    digest = package_digest(entry.module) if developed else ""
    return PluginSource(
        Origin(about.name or "unknown", entry.name, about.version or "0", digest),
        entry.value,
        entry.load,
        requires=about.requires,
    )


class _Described(NamedTuple):
    """The metadata of a distribution."""

    name: str | None = None
    version: str | None = None
    requires: tuple[str, ...] = ()
    editable: bool = False


@functools.lru_cache(maxsize=1)  # entry points come by distribution; reading one takes 10 ms
def _described(distribution: importlib.metadata.Distribution) -> _Described:
    metadata = distribution.metadata
    # Damaged ones lack a key, which later releases make an error; Python 3.11 promises no `get`
    keys = ("Name", "Version")
    name, version = (metadata[key] if key in metadata else None for key in keys)  # noqa: SIM401
    return _Described(
        name,
        version,
        tuple(distribution.requires or ()),
        is_editable(distribution),
    )


def _repeated(source: PluginSource, first: PluginSource) -> PluginSource:
    """A plugin that cannot be loaded, because its distribution has used its name already."""

    def load() -> None:
        raise PluginError(
            f"its distribution has two entry points '{source.origin.plugin}': {first.location} is "
            f"loaded, {source.location} is not"
        )

    return replace(source, load=load)


def file_source(path: str) -> PluginSource:
    """A plugin in a file of its own, imported under a name that no installed module has.

    Raises:
        PluginError: there is no such file.
    """
    file = Path(path)
    if not file.is_file():
        raise PluginError(
            f"plugin file '{path}' does not exist: --plugin takes the path of a Python file"
        )
    return PluginSource(
        Origin(file.name, file.stem, "0", file_digest(file), is_file=True),
        str(file),
        lambda: _import_file(file),
        asked_for=True,
    )


def _import_file(file: Path) -> ModuleType:
    name = f"vsebench_file_{file.stem}"
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


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
    """The syntax tree as text, the same under every release of Python that knows the syntax; the
    bytes of a file that is not Python.
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
