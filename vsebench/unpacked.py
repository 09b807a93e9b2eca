"""How much packed files may unpack to: of gzip and zip, a few kilobytes can stand for gigabytes."""

from __future__ import annotations

import gzip
import io
import math
import os
import struct
import zlib
from functools import lru_cache
from tokenize import TokenError
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from vsebench.plugin.errors import SpecError

if TYPE_CHECKING:
    import zipfile
    from collections.abc import Iterable, Iterator

    import numpy as np
    from numpy.typing import NDArray

VARIABLE = "VSEBENCH_UNPACK_GIB"
"""The environment variable that sets another limit."""

_USUAL = 1.0
_GIB = 1 << 30
_MOST_PACKED = 1100
"""Bytes that one of a zip file may stand for, as deflate packs no better."""
_BUFFER = 1 << 16
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


def gunzipped_lines(content: bytes) -> Iterator[bytes]:
    """The lines that a gzip file holds, with their ends, each unpacked when it is asked for.

    Raises:
        TooLargeError: they are too much; no more than may be is unpacked.
        OSError, EOFError, zlib.error: it is damaged.
    """
    most = left = most_unpacked()
    with io.BufferedReader(gzip.GzipFile(fileobj=io.BytesIO(content)), _BUFFER) as file:
        while line := file.readline(left + 1):
            left -= len(line)
            if left < 0:
                claimed = int.from_bytes(content[-_CLAIM:], "little")
                raise TooLargeError(claimed if claimed > most else None)
            yield line


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
    try:
        member = archive.getinfo(f"{name}.npy")
        check_members([member])
        with archive.open(member) as file:
            header = _read_header(file)
    except _NO_ARRAY as error:
        raise _no_array(name) from error
    header.check(name, member.file_size)
    return header.shape, header.dtype.str


class Arrays:
    """The arrays of an npz file in memory, of which a few are read at a time.

    Of tens of thousands of small members, `zipfile` takes longer to open each than to unpack it.
    """

    def __init__(self, content: bytes) -> None:
        """Reads the file's list of members.

        Raises:
            TooLargeError: they unpack to too much.
            zipfile.BadZipFile, ValueError: it is damaged.
        """
        import zipfile

        self._content = content
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
        check_members(members)
        self._members = {
            each.filename.removesuffix(".npy"): _Member(
                each.header_offset, each.compress_size, each.file_size, each.compress_type
            )
            for each in members
        }

    def read(self, name: str) -> NDArray[Any]:
        """An array, which cannot be written to. Its checksum is not compared: whoever reads a few
        arrays of many has one of their values.

        Raises:
            ValueError: it is damaged, is no array, or is not there.
            zlib.error: it is damaged.
        """
        import numpy as np

        try:
            content = self._members[name].unpacked(self._content)
            header = _header(content[: _start(content)])
        except _NO_ARRAY as error:
            raise _no_array(name) from error
        # objects are not held as they are: nothing of them is read
        header.check(name, 0 if header.dtype.hasobject else len(content))
        values = np.frombuffer(content, header.dtype, math.prod(header.shape), header.start)
        return values.reshape(header.shape, order="F" if header.fortran else "C")


_LOCAL_HEADER = struct.Struct("<4s22xHH")
"""Of a member: its signature, and the lengths of the name and of the extra field that follow."""


class _Member(NamedTuple):
    """Where a member of a zip file begins, and its sizes in bytes, packed and not."""

    start: int
    packed: int
    size: int
    method: int

    def unpacked(self, content: bytes) -> bytes:
        """What it holds, of the zip file's content; no more than it announces.

        Raises:
            ValueError, zlib.error: it is damaged.
        """
        try:
            signature, *lengths = _LOCAL_HEADER.unpack_from(content, self.start)
        except struct.error as error:
            raise ValueError("a member lies outside the file") from error
        if signature != b"PK\3\4":
            raise ValueError("there is no member where one should be")
        start = self.start + _LOCAL_HEADER.size + sum(lengths)
        found = content[start : start + self.packed]
        if self.method == _DEFLATED:
            found = _inflated(found, self.size + 1)
        if len(found) != self.size or self.method not in (_STORED, _DEFLATED):
            raise ValueError("a member is not of the size that it announces")
        return found


@lru_cache(maxsize=8)
def _inflated(content: bytes, most: int) -> bytes:
    """Runs of one data set share arrays, such as which image a caption is of."""
    return zlib.decompressobj(-zlib.MAX_WBITS).decompress(content, most)


_STORED, _DEFLATED = 0, 8
"""How members are packed."""


_NO_ARRAY = (KeyError, TypeError, SyntaxError, TokenError)
"""What reading something else as an array raises."""


def _no_array(name: str) -> ValueError:
    return ValueError(f"it has no array '{name}' of plain numbers")


class _Header(NamedTuple):
    """Where the values of an array begin, its shape, whether columns come first, and its type."""

    start: int
    shape: tuple[int, ...]
    fortran: bool
    dtype: np.dtype[Any]

    def check(self, name: str, size: int) -> None:
        """Refuses an array whose file has fewer bytes than its header says."""
        if size < self.start + math.prod(self.shape) * self.dtype.itemsize:
            raise ValueError(
                f"the header of '{name}' announces shape {self.shape}, which it does not hold"
            )


def _start(content: bytes) -> int:
    """Where the values of an array begin, behind the text of its header."""
    text = 10 if content[6:7] == b"\1" else 12
    return text + int.from_bytes(content[8:text], "little")


@lru_cache
def _header(content: bytes) -> _Header:
    """Runs of one data set share their headers."""
    return _read_header(io.BytesIO(content))


def _read_header(file: IO[bytes]) -> _Header:
    import numpy as np

    form = np.lib.format
    first = form.read_magic(file) == (1, 0)
    read = form.read_array_header_1_0 if first else form.read_array_header_2_0
    shape, fortran, dtype = read(file)
    return _Header(file.tell(), shape, fortran, dtype)
