"""`vsebench plugins`: what became of each plugin, and which others there are."""

from __future__ import annotations

import importlib.metadata
import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vsebench.cli.shared.options import Json, PluginFiles, TableOrJson  # noqa: TC001  # typer reads annotations at run time
from vsebench.plugin.errors import SpecError
from vsebench.plugin.kinds import KINDS, kind_named

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vsebench.catalogue.index import Entry
    from vsebench.plugin.host.loaded import PluginInfo, Plugins

KindOption = Annotated[
    str | None, typer.Option("--kind", help=f"Only this kind of component: {', '.join(KINDS)}.")
]


def plugins_command(
    failed: Annotated[
        bool,
        typer.Option(
            "--failed",
            help="Only plugins that could not be loaded or whose names collide, with a hint.",
        ),
    ] = False,
    kind: KindOption = None,
    plugin: PluginFiles = None,
    available: Annotated[
        bool,
        typer.Option(
            "--available", help="List the packages of the catalogue instead, installed or not."
        ),
    ] = False,
    index: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|URL",
            help="Catalogue to list. [default: this release's copy, without network access]",
        ),
    ] = None,
    form: TableOrJson = "table",
    as_json: Json = False,
) -> None:
    """List the plugins, what each provides, and why any could not be loaded."""
    from vsebench.plugin.host.loader import API_VERSION, load_plugins

    as_json = as_json or form == "json"
    check_kind(kind)
    if available:
        if failed:
            raise SpecError("--available lists packages and --failed plugins: keep one")
        typer.echo(available_packages(index, kind, as_json=as_json))
        return
    if index is not None:
        raise SpecError("--index is the catalogue of --available: add that, or leave --index out")
    plugins = load_plugins(tuple(plugin or ()))
    infos = [
        info
        for info in (plugins.with_problems if failed else plugins.infos)
        if kind is None or any(k == kind for k, _ in info.components)
    ]
    if as_json:
        typer.echo(
            json.dumps(
                {
                    "schema": 1,
                    "api": API_VERSION,
                    "plugins": [_as_dict(info, plugins, kind) for info in infos],
                },
                indent=1,
            )
        )
    elif infos:
        typer.echo(_table(infos, plugins, kind))


def check_kind(kind: str | None) -> None:
    """Refuses a kind of component that does not exist."""
    if kind is not None:
        kind_named(kind)


def _as_dict(info: PluginInfo, plugins: Plugins, kind: str | None) -> dict[str, object]:
    components = [{"kind": k, "name": name} for k, name in info.components if kind in (None, k)]
    tracker = plugins.tracker(info)
    return {
        **asdict(info),
        "components": components,
        "tracker": None if tracker is None else tracker.name,
    }


def _table(infos: Sequence[PluginInfo], plugins: Plugins, kind: str | None) -> str:
    from vsebench.report.listing import listing

    rows = [
        (
            info.name,
            f"{info.distribution} {info.version}",
            info.status,
            _provides(info, plugins, kind),
        )
        for info in infos
    ]
    return listing(("plugin", "distribution", "status", "provides"), rows)


def _provides(info: PluginInfo, plugins: Plugins, kind: str | None) -> str:
    """Its components by kind, a line each, its tracker or the run-time hooks that it implements,
    and what is wrong with it, with a hint.
    """
    kinds = dict.fromkeys(k for k, _ in info.components if kind in (None, k))
    provided = [
        f"{k}: {', '.join(name for other, name in info.components if other == k)}" for k in kinds
    ]
    if kind is None:
        tracker = plugins.tracker(info)
        hooks = [hook for hook in info.hooks if not hook.startswith("vsebench_register_")]
        if "vsebench_register_commands" in info.hooks:
            provided.append("commands")
        if tracker is not None:
            provided.append(f"tracker: {tracker.name}")
        elif hooks:
            provided.append(f"hooks: {', '.join(hooks)}")
    return "\n".join([*provided, *(line for line in (info.error, info.hint) if line)])


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
            {"schema": 1, "packages": [_entry_as_dict(entry) for entry in entries]}, indent=1
        )
    if not entries:
        return "no package is listed; docs/plugins/trust.md says how to add one"
    return _listing(entries)


def _listing(entries: Sequence[Entry]) -> str:
    from vsebench.report.listing import listing

    rows = [
        (
            entry.name,
            _installed(entry.name) or "no",
            _offers(entry),
            f"{entry.summary} ({entry.license})\n{_how(entry)}",
        )
        for entry in entries
    ]
    return listing(("package", "installed", "provides", "what it is"), rows)


def _how(entry: Entry) -> str:
    """How to install it; a folder is one of the repository."""
    return (
        "pip install "
        f"'{entry.source}'{'' if '://' in entry.repository else ' in a checkout of vsebench'}"
    )


def _offers(entry: Entry) -> str:
    return "\n".join(f"{kind}: {', '.join(names)}" for kind, names in entry.components.items())


def _installed(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _entry_as_dict(entry: Entry) -> dict[str, Any]:
    return {**entry.model_dump(), "installed": _installed(entry.name)}
