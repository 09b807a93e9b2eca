"""Features in HDF5 files: one table with a list of ids, or a group or a dataset per image. Needs
h5py, the extra `hdf5`.

Such a file may name other files: links to objects of theirs, and datasets whose values are bytes of
any file. Reading one would put what lies there, such as a password, into a feature table, so it is
refused.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from vsebench.data.apart import read_hdf5_strings
from vsebench.data.prepare.source import FEATURE_KEYS, match
from vsebench.data.reading import read_lines
from vsebench.files import open_regular
from vsebench.plugin import DataError
from vsebench.text import readable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from vsebench.data.prepare.source import Split

_TABLES = ("image_features", "att_features", *FEATURE_KEYS)
_IDS = ("ids", "image_ids", "image_id", "img_ids", "img_id", "names", "image_names", "filenames")
_COUNTS = ("lengths", "num_boxes", "num_regions")
_SPANS = "pos_boxes"
_SUFFIX = "_features"
_DEEPEST = 32
_MOST_PACKED, _SMALL = 1100, 1 << 24
"""Bytes that one of a file may stand for, as deflate packs no better; and that any file may."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where an image is: a dataset of its own (`rows` is None), rows of a flat table, or a prefix
    of one row of a padded one.
    """

    file: int
    name: str
    rows: tuple[int, int] | None = None
    image: int | None = None


class Hdf5Files:
    """HDF5 files that together hold every image once; all stay open.

    Tables are `image_features`, `features`, `x` … [n, N, width], [n, width] of single features, or
    [total, width] with `pos_boxes` [n, 2] (begin and end of each image). Their ids are a dataset
    (`ids`, `image_ids` …) or the lines of `NAME_ids.txt` beside the file. Otherwise each image has
    a group with its features inside, or a dataset called by it (`ID` or `ID_features`).

    Raises:
        DataError: h5py is not installed, or a file is damaged, has none of these forms, lacks ids,
            or an image comes twice.
    """

    kind = "hdf5"
    notes: Sequence[str] = ()

    def __init__(self, root: Path, files: Sequence[Path]) -> None:
        self._root = root
        self.files = list(files)
        self._open: list[Any] = []
        self._places: dict[str, _Place] = {}
        for index, path in enumerate(self.files):
            with _whole(path):
                file = _opened(path)
                self._open.append(file)
                _check_own(file, path)
                found = _table(index, file, path) or _datasets(index, file)
                if not found:
                    raise DataError(
                        f"{path} holds no features: it has {_listed(file)}; expected a table "
                        f"called {', '.join(_TABLES[:3])} …, or for each image a dataset of "
                        f"floats, or a group with one of {', '.join(FEATURE_KEYS)} in it"
                    )
            for image, place in found:
                if (other := self._places.setdefault(image, place)) is not place:
                    raise DataError(
                        f"{path} has image {image}, which {self.files[other.file]} has too or "
                        "twice: expected every image once"
                    )

    def keys(self, splits: Sequence[Split]) -> Mapping[str, Sequence[str]]:
        return match(splits, self._places.keys(), self._root)

    def shape(self, key: str) -> tuple[int, int]:
        place = self._places[key]
        with _whole(self.files[place.file]):
            shape = self._open[place.file][place.name].shape
        if place.rows is not None:
            return place.rows[1] - place.rows[0], shape[-1]
        if len(shape) not in (1, 2):
            raise DataError(
                f"{self.where(key)} has shape {shape}, expected [local features, width] or [width]"
            )
        return (shape[0], shape[1]) if len(shape) == 2 else (1, shape[0])

    def read(self, key: str) -> np.ndarray:
        place = self._places[key]
        rows = slice(None) if place.rows is None else slice(*place.rows)
        with _whole(self.files[place.file]):
            dataset = self._open[place.file][place.name]
            _check_fixed(dataset)
            values = dataset[rows] if place.image is None else dataset[place.image, rows]
        return np.atleast_2d(values)

    def where(self, key: str) -> str:
        return f"{self.files[self._places[key].file]}, image {key}"


@contextmanager
def _whole(path: Path) -> Iterator[None]:
    """Damage of a file, wherever reading meets it, is one line."""
    try:
        yield
    except DataError:
        raise
    except Exception as error:  # of damaged bytes almost any, by where the damage is
        raise DataError(f"{path} is truncated or damaged, or no HDF5 file: get it again") from error


def _opened(path: Path) -> Any:
    try:
        import h5py
    except ImportError:
        raise DataError(f"{path} is HDF5, which needs h5py: pip install 'vsebench[hdf5]'") from None
    with readable(path):
        open_regular(path).close()  # the library waits for pipes
    return h5py.File(path, "r")


def _check_own(file: Any, path: Path) -> None:
    """Checks that all that an open file holds lies in it.

    Raises:
        DataError: something lies in another file.
        ValueError: a dataset has more values than the file can hold.
    """
    import h5py

    most = path.stat().st_size * _MOST_PACKED + _SMALL
    for name, link in _links(file):
        other = link.filename if isinstance(link, h5py.ExternalLink) else ""
        if isinstance(link, h5py.HardLink) and isinstance(found := file[name], h5py.Dataset):
            if found.nbytes > most:
                raise ValueError("a dataset of more values than the file can hold")
            if found.external:
                other = found.external[0][0]
            elif found.is_virtual:
                other = "virtual sources"
        if other:
            raise DataError(
                f"{path} keeps {name} in another file ({other}), which is not read: copy it into "
                "the file, as 'h5repack' does"
            )


def _links(file: Any) -> Iterator[tuple[str, Any]]:
    """Every link by its whole name. What it stands for is not opened through a link that leads out;
    soft ones lead to a place within the file.
    """
    import h5py

    groups = [("/", 0)]
    while groups:
        group, depth = groups.pop()
        if depth > _DEEPEST:
            raise ValueError("groups in each other without end")
        for name in file[group]:
            whole = f"{group.rstrip('/')}/{name}"
            link = file.get(whole, getlink=True)
            yield whole, link
            if isinstance(link, h5py.HardLink) and isinstance(file[whole], h5py.Group):
                groups.append((whole, depth + 1))


def _table(index: int, file: Any, path: Path) -> list[tuple[str, _Place]]:
    """Images of a file that holds one table; empty when it does not."""
    name = next((name for name in _TABLES if name in file and hasattr(file[name], "shape")), None)
    if name is None:
        return []
    table = file[name]
    spans = list(_spans(file, table.shape))
    ids = _ids(file, path, len(spans))
    return [
        (image, _Place(index, name, span, i if table.ndim == 3 else None))
        for i, (image, span) in enumerate(zip(ids, spans, strict=True))
    ]


def _spans(file: Any, shape: tuple[int, ...]) -> Iterator[tuple[int, int]]:
    """First and last row (exclusive) of each image, within the table or, of a padded one, within
    its row.
    """
    if len(shape) == 2 and _SPANS in file:
        yield from ((int(begin), int(end)) for begin, end in _numbers(file[_SPANS]))
    elif len(shape) == 3:
        counts = next(
            (_numbers(file[name]).reshape(-1) for name in _COUNTS if name in file),
            np.full(shape[0], shape[1]),
        )
        yield from ((0, int(count)) for count in counts)
    elif len(shape) == 2:
        yield from ((image, image + 1) for image in range(shape[0]))
    else:
        raise DataError(
            f"{file.filename} has a table of shape {shape}, expected [images, local features, "
            f"width], [images, width], or [total, width] with {_SPANS}"
        )


def _ids(file: Any, path: Path, images: int) -> list[str]:
    """The ids of a table's rows."""
    beside = path.with_name(f"{path.stem}_ids.txt")
    stored = next((_stored_ids(file[name], path) for name in _IDS if name in file), None)
    if stored is None and not beside.is_file():
        raise DataError(
            f"{path} has a table but no ids: expected a dataset {', '.join(_IDS[:3])} … in it, or "
            f"{beside.name} beside it with an id a line"
        )
    ids = read_lines(beside) if stored is None else stored
    if len(ids) != images:
        raise DataError(
            f"{path} has {len(ids)} ids for {images} images: expected one each (rows of a table of "
            f"two dimensions are an image each, unless {_SPANS} says otherwise)"
        )
    return ids


def _stored_ids(dataset: Any, path: Path) -> list[str]:
    if dataset.dtype.hasobject:
        return read_hdf5_strings(path, dataset.name)
    values = dataset[()].reshape(-1).tolist()
    return [name.decode() if isinstance(name, bytes) else str(name) for name in values]


def _numbers(dataset: Any) -> np.ndarray:
    """All values of a dataset."""
    _check_fixed(dataset)
    return np.asarray(dataset[()])


def _check_fixed(dataset: Any) -> None:
    """Refuses values of variable length, of which damaged ones may be read without end."""
    if dataset.dtype.hasobject:
        raise ValueError("values of variable length")


def _datasets(index: int, file: Any) -> list[tuple[str, _Place]]:
    """Images of a file with a group or a dataset for each."""
    if flat := [name for name in file if name.endswith(_SUFFIX)]:
        return [(name.removesuffix(_SUFFIX), _Place(index, name)) for name in flat]
    found = []
    for name in file:
        item = file[name]
        if not hasattr(item, "shape"):
            inner = next((key for key in FEATURE_KEYS if key in item), None)
            found += [(name, _Place(index, f"{name}/{inner}"))] if inner else []
        elif item.ndim in (1, 2) and item.dtype.kind == "f":
            found.append((name, _Place(index, name)))
    return found


def _listed(file: Any) -> str:
    """What a file holds, in a few words."""
    names = list(file)
    if not names:
        return "nothing"
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    inner = file[names[0]]
    within = "" if hasattr(inner, "shape") else f" ({names[0]} has {', '.join(inner) or 'nothing'})"
    return f"{', '.join(names[:3])}{more}{within}"
