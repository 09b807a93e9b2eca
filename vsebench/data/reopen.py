"""Opens the data set of a run, on the machine where the run was planned or on another one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vsebench.data.described import dataset_component
from vsebench.data.open import load_dataset, open_dataset
from vsebench.plugin import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from vsebench.data.open import OpenedDataset
    from vsebench.plugin.registry import Component, Registry


def reopen_dataset(
    registry: Registry, name: str, params: Mapping[str, object], path: Path, fingerprint: str
) -> tuple[OpenedDataset, Component]:
    """Opens a data set in the folder where it was found when the run was planned, or, on a machine
    that does not have that folder, where this one has the same set.

    Args:
        registry: where it is registered.
        name: its name.
        params: its options.
        path: the folder in which it was found.
        fingerprint: identifies its content.

    Raises:
        DataError: it is not on this machine, or is another one here.
    """
    if path.is_dir():
        component = dataset_component(registry, name, [path], elsewhere=False)
        return load_dataset(component, params, path), component
    component = dataset_component(registry, name, [])
    opened = open_dataset(component, params)
    if opened.fingerprint != fingerprint:
        raise DataError(
            f"data set '{name}' in {opened.path} is not the one in {path} that the run was planned "
            "with: their contents differ"
        )
    return opened, component
