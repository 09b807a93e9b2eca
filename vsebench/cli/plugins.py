"""`vsebench plugins`: what became of each plugin."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from vsebench.plugin.errors import SpecError, did_you_mean
from vsebench.plugin.registry import KINDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vsebench.plugin.loader import PluginInfo

KindOption = Annotated[str | None, typer.Option("--kind", help=f"Only this kind of component: {', '.join(KINDS)}.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def plugins_command(
    as_json: JsonOption = False,
    failed: Annotated[bool, typer.Option("--failed", help="Only plugins that could not be loaded.")] = False,
    kind: KindOption = None,
) -> None:
    """List the plugins, what each provides, and why it could not be loaded."""
    from vsebench.plugin.loader import API_VERSION, load_plugins

    check_kind(kind)
    infos = [info for info in load_plugins().infos if (info.status == "failed" or not failed) and (kind is None or any(k == kind for k, _ in info.components))]
    if as_json:
        typer.echo(json.dumps({"schema": 1, "api": API_VERSION, "plugins": [_as_dict(info, kind) for info in infos]}, indent=1))
    elif infos:
        typer.echo(_table(infos, kind))


def check_kind(kind: str | None) -> None:
    """Refuses a kind of component that does not exist."""
    if kind is not None and kind not in KINDS:
        raise SpecError(f"unknown kind of component '{kind}': {did_you_mean(kind, KINDS)}")


def _as_dict(info: PluginInfo, kind: str | None) -> dict[str, object]:
    components = [{"kind": k, "name": name} for k, name in info.components if kind in (None, k)]
    return {**asdict(info), "components": components}


def _table(infos: Sequence[PluginInfo], kind: str | None) -> str:
    from tabulate import tabulate

    rows = [(info.name, f"{info.distribution} {info.version}", info.status, _provides(info, kind)) for info in infos]
    return tabulate(rows, headers=("plugin", "distribution", "status", "provides"), tablefmt="simple", disable_numparse=True)


def _provides(info: PluginInfo, kind: str | None) -> str:
    """Its components by kind, a line each; of a failed one, the error and the cure."""
    if info.status == "failed":
        return f"{info.error}\n{info.cure}"
    kinds = dict.fromkeys(k for k, _ in info.components if kind in (None, k))
    return "\n".join(f"{k}: {', '.join(name for other, name in info.components if other == k)}" for k in kinds)
