"""Sees by their names which files a folder holds: captions, features in one of the known forms,
images.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from vsebench.data.images.store import SUFFIXES
from vsebench.data.prepare.arrays import ArrayFiles
from vsebench.data.prepare.hdf5 import Hdf5Files
from vsebench.data.prepare.rows import PrecompTables
from vsebench.data.prepare.tsv import TsvFiles
from vsebench.plugin import DataError, MissingError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from vsebench.data.prepare.source import FeatureSource

_FORMS = (
    ("precomp", re.compile(r"(train|dev|test|testall)_(ims|lengths)\.npy"), "precomputed tables"),
    ("tsv", re.compile(r".+\.tsv(\.\d+)?"), ".tsv files"),
    ("hdf5", re.compile(r".+\.(h5|hdf5|hdf)"), "HDF5 files"),
    ("arrays", re.compile(r".+\.np[yz]"), ".npy or .npz files"),
)


@dataclass(frozen=True)
class Found:
    """The files under a folder that a preparation may use, sorted.

    Attributes:
        root: the folder, or the only file.
        json: files whose name ends so.
        features: files by form.
        images: image files.
    """

    root: Path
    json: list[Path] = field(default_factory=list)
    features: dict[str, list[Path]] = field(default_factory=dict)
    images: list[Path] = field(default_factory=list)


def find(root: Path, leave_out: Path) -> Found:
    """Looks at the names of all files under a folder, hidden ones and those of the target aside.

    Raises:
        MissingError: there is no such file or folder.
    """
    if not root.exists():
        raise MissingError(
            f"{root} does not exist: expected the folder or file that holds the features or images"
        )
    found = Found(root)
    for path in _files(root, leave_out.resolve()):
        name = path.name
        if path.suffix.lower() in SUFFIXES:
            found.images.append(path)
        elif path.suffix == ".json":
            found.json.append(path)
        elif form := next((form for form, pattern, _ in _FORMS if pattern.fullmatch(name)), None):
            found.features.setdefault(form, []).append(path)
    return found


def open_features(found: Found) -> FeatureSource | None:
    """The source of the features found; None where there are none.

    Raises:
        DataError: there are features in several forms, or precomputed tables in several folders.
    """
    if len(found.features) > 1:
        names = {form: text for form, _, text in _FORMS}
        several = " and ".join(
            f"{len(paths)} {names[form]}" for form, paths in found.features.items()
        )
        raise DataError(f"{found.root} holds {several}: say which with --features PATH")
    for form, paths in found.features.items():
        return _OPEN[form](found.root, paths)
    return None


def _tables(root: Path, paths: Sequence[Path]) -> PrecompTables:
    return PrecompTables(_folder(root, paths))


_OPEN: dict[str, Callable[[Path, Sequence[Path]], FeatureSource]] = {
    "precomp": _tables,
    "tsv": TsvFiles,
    "hdf5": Hdf5Files,
    "arrays": ArrayFiles,
}


def _folder(root: Path, paths: Sequence[Path]) -> Path:
    folders = list(dict.fromkeys(path.parent for path in paths))
    if len(folders) > 1:
        raise DataError(
            f"{root} holds precomputed tables in {folders[0]} and {folders[1]}: say which with "
            "--features PATH"
        )
    return folders[0]


def _files(root: Path, leave_out: Path) -> Iterator[Path]:
    if root.is_file():
        yield root
        return
    for folder, below, names in os.walk(root, followlinks=True):
        here = Path(folder)
        below[:] = sorted(
            name
            for name in below
            if not name.startswith(".") and (here / name).resolve() != leave_out
        )
        yield from (here / name for name in sorted(names) if not name.startswith("."))
