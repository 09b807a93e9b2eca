"""`vsebench data`: which data sets there are, how to get their files, and whether the files at hand
are sound.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from vsebench.cli.data.check import check_command
from vsebench.cli.data.extract import extract_command
from vsebench.cli.data.get import get_command
from vsebench.cli.data.pack_frames import pack_frames_command
from vsebench.cli.data.prepare import prepare_command
from vsebench.cli.data.reduce import reduce_command
from vsebench.cli.shared.options import DataRoots, PluginFiles, datasets, find_dataset

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vsebench.plugin.cards import DatasetCard
    from vsebench.plugin.params import Scalar
    from vsebench.plugin.registry import Component

data_app = typer.Typer(
    rich_markup_mode=None,
    help="List data sets, explain how to get them, prepare and check their files.",
)
data_app.command("get")(get_command)
data_app.command("prepare")(prepare_command)
data_app.command("check")(check_command)
data_app.command("extract")(extract_command)
data_app.command("reduce")(reduce_command)
data_app.command("pack-frames")(pack_frames_command)

NameArgument = Annotated[
    str, typer.Argument(help="A data set, with options if any: scenes:images=500.")
]


@data_app.callback(invoke_without_command=True)
def _data(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@data_app.command("list")
def list_command(data_root: DataRoots = None, plugin: PluginFiles = None) -> None:
    """List the data sets: registered ones, and those with a dataset.toml."""
    from vsebench.data.described import described_sets
    from vsebench.plugin.host.loader import load_plugins
    from vsebench.report.listing import listing

    files = tuple(plugin or ())
    registry = load_plugins(files).registry
    found = {registry.spelling(c): card for c, card in datasets(files)}
    found |= described_sets(registry, data_root or ())
    rows = [
        (name, card.task, card.feature_kind, card.protocol, card.summary)
        for name, card in found.items()
    ]
    typer.echo(listing(("name", "task", "features", "protocol", "what it is"), rows))


@data_app.command("info")
def info_command(
    name: NameArgument, data_root: DataRoots = None, plugin: PluginFiles = None
) -> None:
    """Describe a data set: which files it needs, where to get them, and where to put them."""
    roots = data_root or ()
    component, card, params = find_dataset(name, tuple(plugin or ()), roots)
    typer.echo("\n".join(_info(component, card, params)))


def _info(component: Component, card: DatasetCard, params: dict[str, Scalar]) -> Iterator[str]:
    from vsebench.plugin.params import format_value

    yield f"{component.canonical(params)}: {card.summary}"
    yield f"task: {card.task}; features: {card.feature_kind}; default protocol: {card.protocol}"
    for param in component.params:
        yield f"option {param.name}={format_value(param.default)}: {param.help}"
    yield from card.published_lines(params)
    for label, text in (("licence", card.licence), ("citation", card.citation)):
        if text:
            yield f"{label}: {text}"
    yield from (f"note: {note}" for note in card.notes)
    yield (
        f"\nTo prepare it:\n{card.prepare}\n\nThen: vsebench data check "
        f"{component.name}{'' if card.generated else ' --data-root ROOT'}"
    )
