"""`vsebench plugins --available`: the packages of the catalogue."""

from __future__ import annotations

import importlib.metadata
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vsebench.catalogue.entry import Entry


def available_packages(place: str | None, kind: str | None, *, as_json: bool) -> str:
    """The packages, as a table or JSON.

    Args:
        place: a file or an address; None for the catalogue of this release.
        kind: only packages that have such components.
        as_json: whether to print JSON.

    Raises:
        PluginError: the catalogue cannot be read or is not valid.
    """
    from vsebench.catalogue.index import SHIPPED, read_index

    entries = [
        entry for entry in read_index(place or SHIPPED) if kind is None or kind in entry.components
    ]
    if as_json:
        return json.dumps(
            {"schema": 1, "packages": [_as_dict(entry) for entry in entries]}, indent=1
        )
    if not entries:
        return "no package is listed; docs/plugins/trust.md says how to add one"
    return _table(entries)


def _table(entries: Sequence[Entry]) -> str:
    from tabulate import tabulate

    rows = [
        (
            entry.name,
            _installed(entry.name) or "no",
            _provides(entry),
            f"{entry.summary} ({entry.license})\n{_how(entry)}",
        )
        for entry in entries
    ]
    return tabulate(
        rows,
        headers=("package", "installed", "provides", "what it is"),
        tablefmt="simple",
        disable_numparse=True,
    )


def _how(entry: Entry) -> str:
    """How to install it; a folder is one of the repository."""
    return (
        "pip install "
        f"'{entry.source}'{'' if '://' in entry.repository else ' in a checkout of vsebench'}"
    )


def _provides(entry: Entry) -> str:
    return "\n".join(f"{kind}: {', '.join(names)}" for kind, names in entry.components.items())


def _installed(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _as_dict(entry: Entry) -> dict[str, Any]:
    return {**entry.model_dump(), "installed": _installed(entry.name)}
