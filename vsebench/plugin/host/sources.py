"""Where plugins come from: installed distributions' entry points, and files named on the command
line.
"""

from __future__ import annotations

import functools
import importlib.metadata
import importlib.util
import re
import sys
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from vsebench.plugin.errors import PluginError
from vsebench.plugin.host.code import file_digest, is_editable, package_digest
from vsebench.plugin.host.contain import same_random_numbers
from vsebench.plugin.registry import DISTRIBUTION, Origin

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

GROUP = "vsebench"


@dataclass(frozen=True)
class PluginSource:
    """One plugin, not yet imported.

    Attributes:
        origin: its identity.
        location: the entry point's value, or the path of the file.
        load: imports it.
        asked_for: named by path in the request, so that no list leaves it out and its failure is
            the request's.
        requires: what its distribution requires, as its metadata say.
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
        """What the lists of the environment may call it, normalised."""
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
    """What a distribution's metadata say."""

    name: str | None = None
    version: str | None = None
    requires: tuple[str, ...] = ()
    editable: bool = False


@functools.lru_cache(maxsize=1)  # entry points come by distribution; reading one takes 10 ms
def _described(distribution: importlib.metadata.Distribution) -> _Described:
    metadata = distribution.metadata
    return _Described(
        metadata["Name"],
        metadata["Version"],
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
