"""Features in a file per image: `NAME.npy`, or `NAME.npz` with the features under one of the usual
keys.
"""

from __future__ import annotations

import zipfile
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from vsebench.data.prepare.source import FEATURE_KEYS, match
from vsebench.data.reading import ARRAY_DAMAGE, read_header
from vsebench.plugin import DataError
from vsebench.unpacked import TooLargeError, check_array

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from vsebench.data.prepare.source import Split

_BOXES = ("bbox", "boxes", "bboxes")


class ArrayFiles:
    """A file per image, called by its file name, its id or its number in the JSON.

    Arrays are [local features, width], or [width] of a single one. Some extractors store the
    transpose; the boxes beside it tell.

    Raises:
        DataError: two files are called alike.
    """

    kind = "arrays"
    notes: Sequence[str] = ()

    def __init__(self, root: Path, files: Sequence[Path]) -> None:
        self._root = root
        self._paths: dict[str, Path] = {}
        for path in files:
            if (other := self._paths.setdefault(path.stem, path)) != path:
                raise DataError(
                    f"{path} and {other} are both called {path.stem}: expected one file for an "
                    "image"
                )

    @property
    def files(self) -> list[Path]:
        return list(self._paths.values())

    def keys(self, splits: Sequence[Split]) -> Mapping[str, Sequence[str]]:
        return match(splits, self._paths.keys(), self._root)

    def shape(self, key: str) -> tuple[int, int]:
        path = self._paths[key]
        if path.suffix == ".npy":
            header = read_header(path)
            return _two(path, header.shape, header.dtype)
        with _whole(path), zipfile.ZipFile(path) as members:
            shape, dtype = check_array(members, _features_key(path, members))
            rows, width = _two(path, shape, np.dtype(dtype))
            return (width, rows) if _transposed(members, (rows, width)) else (rows, width)

    def read(self, key: str) -> np.ndarray:
        path = self._paths[key]
        with _whole(path):
            if path.suffix == ".npy":
                return np.atleast_2d(np.load(path, allow_pickle=False))
            with np.load(path, allow_pickle=False) as stored:
                key = _features_key(path, stored.zip)
                check_array(stored.zip, key)
                array = np.atleast_2d(stored[key])
                return array.T if _transposed(stored.zip, array.shape) else array

    def where(self, key: str) -> str:
        return str(self._paths[key])


def _two(path: Path, shape: tuple[int, ...], dtype: np.dtype) -> tuple[int, int]:
    if len(shape) not in (1, 2) or dtype.kind != "f":
        raise DataError(
            f"{path} holds shape {shape} of {dtype}, expected floats [local features, width] or "
            "[width] of one image"
        )
    return (shape[0], shape[1]) if len(shape) == 2 else (1, shape[0])


@contextmanager
def _whole(path: Path) -> Iterator[None]:
    """Damage of a file, wherever reading meets it, is one line."""
    try:
        yield
    except DataError:  # says more than that it is damaged
        raise
    except TooLargeError as error:
        raise DataError(f"{path}: {error}") from error
    except ARRAY_DAMAGE as error:
        raise DataError(
            f"{path} is truncated or damaged, expected a whole {path.suffix} file of plain "
            "numbers: extract this image again"
        ) from error


def _features_key(path: Path, members: zipfile.ZipFile) -> str:
    names = {name.removesuffix(".npy") for name in members.namelist()}
    for key in FEATURE_KEYS:
        if key in names:
            return key
    raise DataError(
        f"{path} has arrays {', '.join(sorted(names)) or 'of no name'}, expected the features as "
        f"one of {', '.join(FEATURE_KEYS)}"
    )


def _transposed(members: zipfile.ZipFile, shape: tuple[int, ...]) -> bool:
    """Whether there are as many boxes as columns, and not as rows."""
    for key in _BOXES:
        if f"{key}.npy" in members.namelist():
            boxes = check_array(members, key)[0][0]
            return boxes == shape[1] != shape[0]
    return False
