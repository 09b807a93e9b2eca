"""Opens a data set by its component: finds its folder under the data roots (`locate`), checks it,
identifies its content.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vsebench.data.cache import cache_dir
from vsebench.data.described import data_roots as search_roots
from vsebench.data.described import dataset_component
from vsebench.data.fingerprint import fingerprint_files, fingerprint_options
from vsebench.data.images.decode import verify_images
from vsebench.data.validate import check_any, compare_any
from vsebench.plugin import (
    AnnotationData,
    DataError,
    DatasetCard,
    ImageSource,
    MissingError,
    RetrievalData,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from vsebench.plugin import Dataset
    from vsebench.plugin.registry import Component, Registry


def locate(
    name: str,
    folders: Sequence[str],
    files: Callable[[Path], Sequence[Path]],
    data_roots: Sequence[Path],
    *,
    elsewhere: bool = True,
) -> Path:
    """The first folder that holds any of the `files` that a set has in it.

    For each of `data_roots`, and `elsewhere` for each of `$VSEBENCH_DATA` and `./data`, these are
    tried: ROOT/name, ROOT/folder for each of `folders`, ROOT itself. A folder that holds some files
    only is taken too: what is missing is then reported when it is opened.

    Raises:
        MissingError: no folder holds any of its files, or one of `data_roots` is not a folder.
    """
    tried = [
        root / folder
        for root in search_roots(data_roots, elsewhere=elsewhere)
        for folder in dict.fromkeys((name, *folders, "."))
    ]
    for folder in tried:
        if any(file.is_file() and file.is_relative_to(folder) for file in files(folder)):
            return folder
    raise MissingError(
        f"data set '{name}' is not in {', '.join(map(str, tried))}: run 'vsebench data info {name}'"
        " to see which files to get and where to put them"
    )


@dataclass(frozen=True)
class OpenedDataset:
    """A data set ready for use.

    Attributes:
        data: its splits.
        path: the folder it was found or generated in; `load_dataset` opens it again there.
        fingerprint: identifies its content; empty where `load_dataset` opened it.
        warnings: what a table made from it must say.
    """

    data: RetrievalData | AnnotationData
    path: Path
    fingerprint: str
    warnings: tuple[str, ...]


def open_dataset(
    component: Component,
    params: Mapping[str, object],
    *,
    data_roots: Sequence[Path] = (),
    strict: bool = False,
    elsewhere: bool = True,
) -> OpenedDataset:
    """Opens a data set without reading its features into memory.

    Args:
        component: the registered data set.
        params: its options.
        data_roots: folders to look in before `$VSEBENCH_DATA` and `./data`.
        strict: numbers of images, captions or labels that differ from the published ones are an
            error, not a warning.
        elsewhere: whether to look beyond `data_roots`, too.

    Raises:
        DataError: it is missing, inconsistent, damaged, holds values that are not finite, or an
            image that cannot be decoded.
        SpecError: an option is unknown or has a bad value.
    """
    dataset: Dataset = component.create(params, strict=strict)
    card = component.card
    if not isinstance(card, DatasetCard):
        raise TypeError(f"{component.owner} is not a data set")
    fingerprint = ""
    if card.at:
        folder = Path(card.at)
    elif card.generated:
        name = f"{component.origin.distribution}::{component.name}"
        fingerprint = fingerprint_options(name, component.resolve(params), component.version)
        folder = cache_dir() / f"{component.name}-{fingerprint}"
    else:
        found = locate(component.name, card.folders, dataset.files, data_roots, elsewhere=elsewhere)
        folder = found.absolute()
    data = dataset.load(folder)
    check_any(data, component.name)
    differences = compare_any(data, card.published_for(component.resolve(params)))
    if strict and differences:
        raise DataError(
            f"data set '{component.name}' in {folder} is not the published one: "
            f"{'; '.join(differences)} (refused because of --strict-data)"
        )
    images = {
        split: verify_images(source)
        for split, each in data.splits.items()
        if isinstance(source := getattr(each, "features", None), ImageSource)
    }
    fingerprint = fingerprint or fingerprint_files(folder, dataset.files(folder), images)
    return OpenedDataset(data, folder, fingerprint, (*data.warnings, *differences))


def load_dataset(component: Component, params: Mapping[str, object], path: Path) -> OpenedDataset:
    """Opens a data set in the folder in which it was opened before: it is not searched, checked or
    hashed again.

    Args:
        component: the registered data set.
        params: its options.
        path: the folder.
    """
    dataset: Dataset = component.create(params, strict=False)
    data = dataset.load(path)
    return OpenedDataset(data, path, "", data.warnings)


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
