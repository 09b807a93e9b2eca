"""HDF5 files may name other files: links to objects of theirs, and data sets whose values are bytes
of any file. Reading one would put what lies there, such as a password, into a feature table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vsebench.plugin import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_DEEPEST = 32
_MOST_PACKED, _SMALL = 1100, 1 << 24
"""Bytes that one of a file may stand for, as deflate packs no better; and that any file may."""


def check_own(file: Any, path: Path) -> None:
    """Checks that all that an open HDF5 file holds lies in it.

    Args:
        file: the file, as h5py opens it.
        path: how errors name it.

    Raises:
        DataError: something lies in another file, or the file is damaged.
    """
    import h5py

    most = path.stat().st_size * _MOST_PACKED + _SMALL
    try:
        for name, link in _links(file, h5py):
            if isinstance(link, h5py.ExternalLink):
                raise _outside(path, name, link.filename)
            if isinstance(link, h5py.SoftLink):
                continue  # to a place within the file
            found = file[name]
            if isinstance(found, h5py.Dataset) and found.nbytes > most:
                raise ValueError("a data set of more values than the file can hold")
            if isinstance(found, h5py.Dataset) and (found.external or found.is_virtual):
                other = found.external[0][0] if found.external else "virtual sources"
                raise _outside(path, name, other)
    except DataError:
        raise
    except Exception as error:  # of damaged bytes almost any, by where the damage is
        raise DataError(f"{path} is truncated or damaged, or no HDF5 file: get it again") from error


def _links(file: Any, h5py: Any) -> Iterator[tuple[str, Any]]:
    """Every link by its whole name; what it stands for is not opened through a link that leads
    out.
    """
    groups: list[tuple[str, int]] = [("/", 0)]
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


def _outside(path: Path, name: str, other: str) -> DataError:
    return DataError(
        f"{path} keeps {name} in another file ({other}), which is not read: copy it into the file, "
        "as 'h5repack' does"
    )
