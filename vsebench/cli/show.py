"""`vsebench show NAME`: the card of a component, or the keys of a preset."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from vsebench.cli.shared.messages import print_json
from vsebench.cli.shared.options import Json, KindOption, PluginFiles, TableOrJson
from vsebench.plugin.errors import SpecError, did_you_mean
from vsebench.plugin.params import format_value
from vsebench.results.tasks import tasks

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from vsebench.plugin.host.loaded import Plugins
    from vsebench.results.protocol import AnyProtocol


def show_command(
    name: Annotated[str, typer.Argument(help="Name of a component, dist::name, or a preset.")],
    kind: KindOption = None,
    plugin: PluginFiles = None,
    form: TableOrJson = "table",
    as_json: Json = False,
) -> None:
    """Show a component's parameters, paper, published figures and plugin, for every kind with that
    name, or every key of a protocol preset.
    """
    from vsebench.plugin.host.loader import load_plugins
    from vsebench.report.card import as_dict, card_lines

    as_json = as_json or form == "json"
    plugins = load_plugins(tuple(plugin or ()))
    found = [
        component for component in plugins.registry.find(name) if kind in (None, component.kind)
    ]
    preset = _preset(name) if kind is None and not found else None
    if preset is not None:
        values = preset.model_dump(exclude={"name"})
        if as_json:
            print_json({"schema": 1, "preset": name, "values": values})
        else:
            typer.echo("\n".join(_preset_lines(name, values)))
    elif not found:
        raise SpecError(_unknown(name, kind, plugins))
    elif as_json:
        print_json({"schema": 1, "components": [as_dict(component) for component in found]})
    else:
        spelling = plugins.registry.spelling
        typer.echo("\n\n".join("\n".join(card_lines(each, spelling(each))) for each in found))


def _preset(name: str) -> AnyProtocol | None:
    """The preset of that name, of whichever task."""
    return next((task.presets[name] for task in tasks() if name in task.presets), None)


def _preset_lines(name: str, values: Mapping[str, Any]) -> Iterator[str]:
    yield f"{name}: a preset of the protocol, what a comparison holds equal"
    yield ""
    width = max(map(len, values))
    for key, value in values.items():
        yield f"  {key:{width}}  {format_value(value)}"
    yield ""
    yield f"Run under it with --protocol {name}; change a key with --set KEY=VALUE."


def _unknown(name: str, kind: str | None, plugins: Plugins) -> str:
    known = {component.name for component in plugins.registry if kind in (None, component.kind)}
    if kind is None:
        known |= {preset for task in tasks() for preset in task.presets}
    failed = (
        f"; {len(plugins.failed)} of the plugins failed to load, see 'vsebench plugins --failed'"
        if plugins.failed
        else ""
    )
    return f"unknown {kind or 'component'} '{name}': {did_you_mean(name, known)}{failed}"
