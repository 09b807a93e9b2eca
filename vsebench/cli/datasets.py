"""Data sets as the command line names them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vsebench.plugin.cards import DatasetCard
    from vsebench.plugin.params import Scalar
    from vsebench.plugin.registry import Component


def datasets(plugin_files: tuple[str, ...] = ()) -> Iterator[tuple[Component, DatasetCard]]:
    """Every registered data set and its card."""
    from vsebench.plugin.cards import DatasetCard
    from vsebench.plugin.loader import load_plugins

    for component in load_plugins(plugin_files).registry:
        if isinstance(component.card, DatasetCard):
            yield component, component.card


def find_dataset(
    text: str, plugin_files: tuple[str, ...] = ()
) -> tuple[Component, DatasetCard, dict[str, Scalar]]:
    """The data set that a spec names, its card, and its options with their values."""
    from vsebench.plugin.loader import load_plugins
    from vsebench.plugin.specs import parse_spec

    name, given = parse_spec(text)
    component = load_plugins(plugin_files).registry.get("dataset", name)
    return (
        component,
        next(card for other, card in datasets(plugin_files) if other is component),
        component.resolve(given),
    )
