"""How much packed files may unpack to: of gzip and zip, a few kilobytes can stand for gigabytes."""

from __future__ import annotations

import gzip
import io
import math
import os
from tokenize import TokenError
from typing import TYPE_CHECKING

from vsebench.plugin.errors import SpecError

if TYPE_CHECKING:
    import zipfile
    from collections.abc import Iterable

VARIABLE = "VSEBENCH_UNPACK_GIB"
"""The environment variable that sets another limit."""

_USUAL = 1.0
_GIB = 1 << 30
_MOST_PACKED = 1100
"""Bytes that one of a zip file may stand for, as deflate packs no better."""
_CLAIM = 4
"""Bytes at the end of a gzip file that say what it unpacks to, modulo 2^32."""


class TooLargeError(ValueError):
    """Something unpacks to more than may be; the message says to how much, and what to do."""

    def __init__(self, claimed: int | None = None) -> None:
        limit = most_unpacked() / _GIB
        size = f"{claimed / _GIB:,.1f} GiB" if claimed else f"more than {limit:g} GiB"
        enough = math.ceil((claimed or 0) / _GIB + limit)
        super().__init__(
            f"it unpacks to {size}, and at most {limit:g} GiB is unpacked: if it is meant to be "
            f"that large, set {VARIABLE}={enough}"
        )


def most_unpacked() -> int:
    """Bytes that a file may unpack to in memory.

    Raises:
        SpecError: `$VSEBENCH_UNPACK_GIB` is no number of GiB.
    """
    text = os.environ.get(VARIABLE) or str(_USUAL)
    try:
        limit = float(text)
    except ValueError:
        limit = math.nan
    if not 0 < limit < math.inf:
        raise SpecError(f"{VARIABLE} is '{text}': expected a number of GiB, such as 4")
    return int(limit * _GIB)


def gunzipped(content: bytes) -> bytes:
    """What a gzip file holds.

    Raises:
        TooLargeError: it is too much; no more than may be is unpacked.
        OSError, EOFError, zlib.error: it is damaged.
    """
    most = most_unpacked()
    with gzip.GzipFile(fileobj=io.BytesIO(content)) as file:
        unpacked = file.read(most + 1)
    if len(unpacked) > most:
        claimed = int.from_bytes(content[-_CLAIM:], "little")
        raise TooLargeError(claimed if claimed > most else None)
    return unpacked


def check_members(members: Iterable[zipfile.ZipInfo]) -> None:
    """Checks what members of a zip file unpack to in all; none gives more than it announces.

    Raises:
        TooLargeError: it is too much.
        ValueError: a member announces more than it can hold.
    """
    claimed = 0
    for member in members:
        if member.file_size > _MOST_PACKED * max(1, member.compress_size):
            raise ValueError(f"{member.filename} announces more than it can hold")
        claimed += member.file_size
    if claimed > most_unpacked():
        raise TooLargeError(claimed)


def check_array(archive: zipfile.ZipFile, name: str) -> tuple[tuple[int, ...], str]:
    """Checks that an array of an npz file may be read, without reading its values.

    Args:
        archive: the npz file.
        name: name of the array.

    Returns:
        Its shape and type, as its header has them.

    Raises:
        TooLargeError: it is too large.
        ValueError: it has fewer values than its header says, is no array, or is not there.
    """
    import numpy as np

    try:
        member = archive.getinfo(f"{name}.npy")
        check_members([member])
        with archive.open(member) as file:
            first = np.lib.format.read_magic(file) == (1, 0)
            form = np.lib.format
            read = form.read_array_header_1_0 if first else form.read_array_header_2_0
            shape, _, dtype = read(file)
            size = file.tell() + math.prod(shape) * dtype.itemsize
    except (KeyError, TypeError, SyntaxError, TokenError) as error:
        raise ValueError(f"it has no array '{name}' of plain numbers") from error
    if member.file_size < size:
        raise ValueError(f"the header of '{name}' announces shape {shape}, which it does not hold")
    return shape, dtype.str
