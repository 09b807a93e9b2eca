"""Reads text files by lines and opens `.npy` files as memory maps; what is wrong with a file
is reported in one line.
"""

from __future__ import annotations

import io
import math
import zipfile
import zlib
from dataclasses import dataclass
from tokenize import TokenError
from typing import TYPE_CHECKING

import numpy as np

from vsebench.data.words import has_word
from vsebench.files import open_regular
from vsebench.plugin import DataError
from vsebench.text import lines_of, read_text, readable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


def read_lines(path: Path) -> list[str]:
    """The lines of a text file, without their ends; see `vsebench.text` for what is read.

    Raises:
        DataError: the file is missing, cannot be read, or is text of no encoding that is read.
    """
    return lines_of(read_text(path))


def read_captions(path: Path) -> list[str]:
    """One caption a line.

    Raises:
        DataError: as `read_lines`, there is none, or one has no word.
    """
    captions = read_lines(path)
    if not captions:
        raise DataError(f"{path} has 0 captions: expected one a line")
    for number, caption in enumerate(captions, start=1):
        check_caption(caption, f"{path}, line {number}")
    return captions


def check_caption(caption: str, where: str, what: str = "image") -> None:
    """Refuses a caption without a word; `where` and `what` are its line and what it describes."""
    if not has_word(caption):
        raise DataError(
            f"{where}, is an empty caption (no word in {caption!r}): every line must describe "
            f"{'an' if what == 'image' else 'a'} {what}"
        )


def read_keyed(path: Path, form: str) -> Iterator[tuple[str, str, str]]:
    """Lines of a key, a tab and a caption: the place of each for messages, its key, its caption.

    Args:
        path: the file.
        form: what a line looks like, for errors.

    Raises:
        DataError: as `read_lines`, or a line has no tab.
    """
    for number, line in enumerate(read_lines(path), start=1):
        key, tab, caption = line.partition("\t")
        where = f"{path}, line {number}"
        if not tab:
            raise DataError(f"{where}, is {line[:60]!r}, expected {form}")
        yield where, key, caption


def read_splits(root: Path, lists: Mapping[str, str], what: str) -> dict[str, list[str]]:
    """The names of each split's items, of which each is in one split and once.

    Args:
        root: the folder of the lists.
        lists: file of each split, with a name a line.
        what: what is listed, such as `image`.

    Raises:
        DataError: as `read_lines`, a list is empty, or a name comes twice.
    """
    splits = {split: read_lines(root / file) for split, file in lists.items()}
    seen: dict[str, str] = {}
    for split, names in splits.items():
        path = root / lists[split]
        if not names:
            raise DataError(f"{path} is empty, expected the name of one {what} a line")
        for name in names:
            if name in seen:
                raise DataError(
                    f"{path} lists {name!r}, which {lists[seen[name]]} lists too: splits must not "
                    f"share {what}s"
                )
            seen[name] = split
    return splits


ZIP_DAMAGE = (OSError, EOFError, ValueError, RuntimeError, zipfile.BadZipFile, zlib.error)
ARRAY_DAMAGE = (*ZIP_DAMAGE, LookupError, TypeError, SyntaxError, TokenError, OverflowError)
"""What is raised of damaged bytes of zip archives, and of arrays, by where the damage is."""

_READERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


@dataclass(frozen=True)
class NpyHeader:
    """What a `.npy` file says of itself; `offset` is where its values begin, in bytes."""

    shape: tuple[int, ...]
    dtype: np.dtype
    offset: int


def read_header(path: Path) -> NpyHeader:
    """Reads the header, and checks that the file holds what it announces.

    Raises:
        DataError: the file is missing, is no `.npy` file, is truncated, or cannot be memory-mapped
            as rows of numbers.
    """
    with readable(path), open_regular(path) as file:
        try:
            shape, fortran, dtype = _READERS[np.lib.format.read_magic(file)](file)
        except ARRAY_DAMAGE as error:
            raise DataError(
                f"{path} is not a .npy file that NumPy can read as plain numbers: save it again "
                "with numpy.save"
            ) from error
        offset, size = file.tell(), file.seek(0, 2)
    if any(size < 0 for size in shape):
        raise DataError(f"{path} announces shape {shape}: the file is damaged, get it again")
    if dtype.hasobject or not dtype.isnative or (fortran and len(shape) > 1):
        raise DataError(
            f"{path} holds {dtype.str}{' in Fortran order' if fortran else ''}, which is not "
            "read: save it as native numbers in C order"
        )
    needed = offset + math.prod(shape) * dtype.itemsize
    if size < needed:
        raise DataError(
            f"{path} is truncated: its header announces shape {shape} of {dtype} ({needed} "
            f"bytes), it has {size} bytes; get it again"
        )
    return NpyHeader(shape, dtype, offset)


def npy_header(shape: tuple[int, ...], dtype: np.dtype) -> bytes:
    """What a `.npy` file begins with, for files that are written row by row."""
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        buffer, {"descr": dtype.str, "fortran_order": False, "shape": shape}
    )
    return buffer.getvalue()


def npy_bytes(array: np.ndarray) -> bytes:
    """A whole `.npy` file."""
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def open_npy(path: Path, *, ndim: int | tuple[int, ...], kinds: str = "f") -> np.ndarray:
    """A read-only memory map of the file; nothing but its header is read.

    Args:
        path: the file.
        ndim: number of dimensions that it must have, or those that it may have.
        kinds: NumPy kind letters that it may have: `f` floats, `i` integers, `u` unsigned.

    Raises:
        DataError: as `read_header`, or another number of dimensions or kind of values, or no
            values.
    """
    header = read_header(path)
    allowed = (ndim,) if isinstance(ndim, int) else ndim
    if len(header.shape) not in allowed or header.dtype.kind not in kinds:
        names = " or ".join({"f": "float", "i": "integer", "u": "unsigned"}[k] for k in kinds)
        raise DataError(
            f"{path} has shape {header.shape} of {header.dtype}, expected "
            f"{' or '.join(map(str, allowed))} dimensions of {names} values"
        )
    if 0 in header.shape:
        raise DataError(f"{path} holds no values: its shape is {header.shape}")
    return np.memmap(path, header.dtype, mode="r", offset=header.offset, shape=header.shape)
