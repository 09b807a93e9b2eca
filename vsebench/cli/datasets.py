"""Data sets as the command line names them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vsebench.plugin.cards import DatasetCard
    from vsebench.plugin.params import Scalar
    from vsebench.plugin.registry import Component


def datasets() -> Iterator[tuple[Component, DatasetCard]]:
    """Every registered data set and its card."""
    from vsebench.plugin.cards import DatasetCard
    from vsebench.plugin.loader import load_plugins

    for component in load_plugins().registry:
        if isinstance(component.card, DatasetCard):
            yield component, component.card


def find_dataset(text: str) -> tuple[Component, DatasetCard, dict[str, Scalar]]:
    """The data set that a spec names, its card, and its options with their values."""
    from vsebench.grid.components import parse_spec
    from vsebench.plugin.loader import load_plugins

    name, given = parse_spec(text)
    component = load_plugins().registry.get("dataset", name)
    return component, next(card for other, card in datasets() if other is component), component.resolve(given)
