"""What CI runs on a change of the catalogue.

    python -m vsebench.catalogue check [INDEX]            every entry is valid
    python -m vsebench.catalogue added BASE [INDEX]       what pip has to install for each entry
                                                          that BASE does not have, and its name
    python -m vsebench.catalogue installed NAME [INDEX]   the installed package provides what its
                                                          entry says

Exit code 0: it is so; 2: it is not, and one line says why.
"""

from __future__ import annotations

import importlib.metadata
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.version import Version

from vsebench.catalogue.index import SHIPPED, added, read_index
from vsebench.plugin.errors import PluginError, VsebenchError, did_you_mean
from vsebench.plugin.host.loader import load_plugins

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vsebench.catalogue.index import Entry


def main(arguments: Sequence[str]) -> int:
    """Runs one of the commands above."""
    try:
        for line in _answer(list(arguments)):
            print(line)  # noqa: T201  # its output
    except VsebenchError as error:
        print(f"vsebench.catalogue: error: {error}", file=sys.stderr)  # noqa: T201  # one line, as the command line prints them
        return 2
    return 0


def _answer(arguments: list[str]) -> list[str]:
    match arguments:
        case ["check", *index] if len(index) < 2:
            entries = read_index(*index)
            for entry in entries:
                _check_folder(entry)
            return [f"entries: {len(entries)}, all valid"]
        case ["added", base, *index] if len(index) < 2:
            return [
                f"{entry.source} {entry.name}"
                for entry in added(read_index(*index), read_index(base))
            ]
        case ["installed", name, *index] if len(index) < 2:
            return [_check_installed(name, read_index(*index))]
    raise PluginError("write check [INDEX], added BASE [INDEX] or installed NAME [INDEX]")


def _check_folder(entry: Entry) -> None:
    """A folder of this repository must be there, when this is a checkout."""
    checkout = SHIPPED.parents[2]
    if (
        "://" not in entry.repository
        and (checkout / "pyproject.toml").is_file()
        and not (checkout / Path(entry.repository) / "pyproject.toml").is_file()
    ):
        raise PluginError(
            f"package '{entry.name}', repository: there is no project in {entry.repository}"
        )


def _check_installed(name: str, entries: tuple[Entry, ...]) -> str:
    found = {entry.name: entry for entry in entries}
    if name not in found:
        raise PluginError(f"the catalogue has no package '{name}': {did_you_mean(name, found)}")
    try:
        version = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        raise PluginError(f"package '{name}' is not installed") from None
    if Version(version) < Version(found[name].version):
        raise PluginError(
            f"package '{name}' is installed as {version}, older than the {found[name].version} of "
            "its entry"
        )
    provided = {
        (component.kind, component.name)
        for component in load_plugins().registry
        if component.origin.distribution == name
    }
    listed = {
        (kind, component) for kind, names in found[name].components.items() for component in names
    }
    if provided != listed:
        parts = [f"{kind} '{component}'" for kind, component in sorted(provided ^ listed)]
        raise PluginError(
            f"package '{name}' does not provide what its entry says; they differ in "
            f"{', '.join(parts)}"
        )
    return f"{name} provides what its entry says"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
