"""`vsebench plugins`: what became of each plugin, and which others there are."""

from __future__ import annotations

import importlib.metadata
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from vsebench.cli.shared.messages import print_json
from vsebench.cli.shared.options import Json, KindOption, PluginFiles, TableOrJson
from vsebench.plugin.errors import SpecError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vsebench.catalogue.index import Entry
    from vsebench.plugin.host.loaded import PluginInfo, Plugins


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
    if available:
        if failed:
            raise SpecError("--available lists packages and --failed plugins: keep one")
        _print_available(index, kind, as_json=as_json)
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
        listed = [_as_dict(info, plugins, kind) for info in infos]
        print_json({"schema": 1, "api": API_VERSION, "plugins": listed})
    elif infos:
        typer.echo(_table(infos, plugins, kind))


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


def _print_available(place: str | None, kind: str | None, *, as_json: bool) -> None:
    """Prints the packages of a catalogue: of a file or an address, else of this release."""
    from vsebench.catalogue.index import SHIPPED, read_index
    from vsebench.report.listing import listing

    entries = [
        entry for entry in read_index(place or SHIPPED) if kind is None or kind in entry.components
    ]
    if as_json:
        packages = [
            {**entry.model_dump(), "installed": _installed(entry.name)} for entry in entries
        ]
        print_json({"schema": 1, "packages": packages})
    elif not entries:
        typer.echo("no package is listed; docs/plugins/trust.md says how to add one")
    else:
        rows = [
            (
                entry.name,
                _installed(entry.name) or "no",
                "\n".join(f"{kind}: {', '.join(of)}" for kind, of in entry.components.items()),
                f"{entry.summary} ({entry.license})\n{_how(entry)}",
            )
            for entry in entries
        ]
        typer.echo(listing(("package", "installed", "provides", "what it is"), rows))


def _how(entry: Entry) -> str:
    """How to install it; a folder is one of the repository."""
    where = "" if "://" in entry.repository else " in a checkout of vsebench"
    return f"pip install '{entry.source}'{where}"


def _installed(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
