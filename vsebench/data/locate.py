"""Finds the folder of a data set under the data roots."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from vsebench.plugin import MissingError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vsebench.plugin import Dataset


def locate(
    name: str,
    folders: Sequence[str],
    dataset: Dataset,
    data_roots: Sequence[Path],
    *,
    elsewhere: bool = True,
) -> Path:
    """The first folder that holds any of the set's files.

    For each of `data_roots`, and `elsewhere` for each of `$VSEBENCH_DATA` and `./data`, these are
    tried: ROOT/name, ROOT/folder for each of `folders`, ROOT itself. A folder that holds some files
    only is taken too: what is missing is then reported when it is opened.

    Raises:
        MissingError: no folder holds any of its files, or one of `data_roots` is not a folder.
    """
    for root in data_roots:
        if not root.is_dir():
            raise MissingError(f"data root '{root}' is not a folder")
    tried = []
    for folder in _candidates(name, folders, data_roots, elsewhere=elsewhere):
        if any(file.is_file() and file.is_relative_to(folder) for file in dataset.files(folder)):
            return folder
        tried.append(str(folder))
    raise MissingError(
        f"data set '{name}' is not in {', '.join(tried)}: run 'vsebench data info {name}' to see "
        "which files to get and where to put them"
    )


def _candidates(
    name: str, folders: Sequence[str], data_roots: Sequence[Path], *, elsewhere: bool
) -> Iterator[Path]:
    environment = os.environ.get("VSEBENCH_DATA")
    others = [*([Path(environment)] if environment else []), Path("data")] if elsewhere else []
    roots = [*data_roots, *others]
    for root in dict.fromkeys(roots):
        for folder in dict.fromkeys((name, *folders)):
            yield root / folder
        yield root
