"""`vsebench data`: which data sets there are, how to get their files, and whether the files at hand are sound."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vsebench.data.open import OpenedDataset
    from vsebench.plugin.cards import DatasetCard
    from vsebench.plugin.params import Scalar
    from vsebench.plugin.registry import Component

data_app = typer.Typer(rich_markup_mode=None, help="List data sets, say how to prepare one, and check its files.")

NameArgument = Annotated[str, typer.Argument(help="A data set, with options where it has any: scenes:images=500.", show_default=False)]


@data_app.callback(invoke_without_command=True)
def _data(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@data_app.command("list")
def list_command() -> None:
    """List the data sets."""
    from tabulate import tabulate

    from vsebench.plugin.loader import load_plugins

    registry = load_plugins().registry
    rows = [(registry.spelling(c), card.task, card.feature_kind, card.protocol, card.summary) for c, card in _datasets()]
    typer.echo(tabulate(rows, headers=("name", "task", "features", "protocol", "what it is"), tablefmt="simple", disable_numparse=True))


@data_app.command("info")
def info_command(name: NameArgument) -> None:
    """Say what a data set is, which files it needs, where to get them and where to put them."""
    component, card, params = _find(name)
    typer.echo("\n".join(_info(component, card, params)))


@data_app.command("check")
def check_command(
    name: NameArgument,
    data_root: Annotated[list[str] | None, typer.Option(help="Folder to look in before $VSEBENCH_DATA and ./data; repeatable.")] = None,
    strict_data: Annotated[bool, typer.Option("--strict-data", help="Refuse a data set whose counts differ from the published ones.")] = False,
) -> None:
    """Open a data set, check and hash its files, and print what each split holds. A generated set is generated."""
    from vsebench.data.open import open_dataset

    component, _, params = _find(name)
    opened = open_dataset(component, params, data_roots=[Path(root) for root in data_root or ()], strict=strict_data)
    typer.echo("\n".join(_report(component.canonical(params), opened)))


def _datasets() -> Iterator[tuple[Component, DatasetCard]]:
    from vsebench.plugin.cards import DatasetCard
    from vsebench.plugin.loader import load_plugins

    for component in load_plugins().registry:
        if isinstance(component.card, DatasetCard):
            yield component, component.card


def _find(text: str) -> tuple[Component, DatasetCard, dict[str, Scalar]]:
    """The data set that a spec names, its card, and its options with their values."""
    from vsebench.grid.components import parse_spec
    from vsebench.plugin.loader import load_plugins

    name, given = parse_spec(text)
    component = load_plugins().registry.get("dataset", name)
    return component, next(card for other, card in _datasets() if other is component), component.resolve(given)


def _info(component: Component, card: DatasetCard, params: dict[str, Scalar]) -> Iterator[str]:
    from vsebench.plugin.annotation import AnnotationCard
    from vsebench.plugin.params import format_value

    yield f"{component.canonical(params)}: {card.summary}"
    yield f"task: {card.task}; features: {card.feature_kind}; default protocol: {card.protocol}"
    for param in component.params:
        yield f"option {param.name}={format_value(param.default)}: {param.help}"
    for split, (images, captions) in card.counts_for(params).items():
        yield f"published {split}: {images} images, {captions} captions"
    if isinstance(card, AnnotationCard) and (sizes := card.sizes_for(params)):
        yield f"published: {', '.join(f'{size:,} {what}' for what, size in sizes.items())}"
    for label, text in (("licence", card.licence), ("citation", card.citation)):
        if text:
            yield f"{label}: {text}"
    yield from (f"note: {note}" for note in card.notes)
    yield f"\nTo prepare it:\n{card.prepare}\n\nThen: vsebench data check {component.name}{'' if card.generated else ' --data-root ROOT'}"


def _report(spec: str, opened: OpenedDataset) -> Iterator[str]:
    from tabulate import tabulate

    from vsebench.cli.splits import split_rows

    yield f"{spec}: sound, in {opened.path}, fingerprint {opened.fingerprint}"
    headers, rows = split_rows(opened.data)
    yield tabulate(rows, headers=headers, tablefmt="simple", disable_numparse=True)
    yield from (f"warning: {warning}" for warning in opened.warnings)
