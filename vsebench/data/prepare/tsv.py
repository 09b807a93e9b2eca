"""Bottom-up-attention features in TSV files: image_id, image_w, image_h, num_boxes, boxes, features
(both base64 of float32).

The longer form of LXMERT has more columns, but the same first and the same last three. A line may
have a megabyte, more than Python's csv module takes, and a file 50 GB: it is indexed by leaping
from line to line, and read by offsets.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from vsebench.data.prepare.source import match
from vsebench.files import open_regular
from vsebench.plugin import DataError
from vsebench.text import readable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from vsebench.data.prepare.source import Split

_FORMS = {
    6: "image_id, image_w, image_h, num_boxes, boxes, features",
    10: "img_id, img_h, img_w, …, num_boxes, boxes, features",
}
"""Known forms by their number of columns."""

_HEAD = 1 << 13
"""Bytes of a line that hold everything before its boxes."""

_LONGEST = 1 << 26
"""No line of features is longer, so that a file without line ends is not read whole."""


@dataclass(frozen=True, slots=True)
class _Line:
    path: Path
    offset: int
    boxes: int


class TsvFiles:
    """TSV files that together hold every image. Of an image that comes again the last line counts:
    extractors that were killed and started again append it a second time.

    Raises:
        DataError: a file has other columns or another width, or its last line is cut.
    """

    kind = "tsv"

    def __init__(self, root: Path, files: Sequence[Path]) -> None:
        self._root = root
        self.files = list(files)
        self._lines: dict[str, _Line] = {}
        self._width = 0
        self._again: dict[str, _Line] = {}
        for path in self.files:
            with readable(path), open_regular(path) as file:
                self._index(path, file)

    @property
    def notes(self) -> list[str]:
        if not self._again:
            return []
        image, line = next(iter(self._again.items()))
        note = (
            f"{len(self._again):,} images come more than once, and the last line of each is used: "
            f"{image} stands in {line.path.name} at byte {line.offset}, too"
        )
        return [note]

    def keys(self, splits: Sequence[Split]) -> Mapping[str, Sequence[str]]:
        return match(splits, self._lines.keys(), self._root)

    def shape(self, key: str) -> tuple[int, int]:
        return self._lines[key].boxes, self._width

    def read(self, key: str) -> np.ndarray:
        line, where = self._lines[key], self.where(key)
        with line.path.open("rb") as file:
            file.seek(line.offset)
            content = _decode(file.readline(_LONGEST).rstrip(b"\r\n").rpartition(b"\t")[2], where)
        if len(content) != 4 * line.boxes * self._width:
            raise DataError(
                f"{where}, has {len(content)} bytes of features, expected {line.boxes} × "
                f"{self._width} float32: get the file again"
            )
        return np.frombuffer(content, "<f4").reshape(line.boxes, self._width)

    def where(self, key: str) -> str:
        return _where(self._lines[key].path, self._lines[key].offset)

    def _index(self, path: Path, file: BinaryIO) -> None:
        columns, width = _form(file, path)
        if (self._width or width) != width:
            raise DataError(
                f"{path} has features of width {width}, {self.files[0]} of {self._width}: "
                "expected one width"
            )
        self._width = width
        for image, line in _lines(path, file, columns, width):
            if (other := self._lines.get(image)) is not None:
                self._again.setdefault(image, other)
            self._lines[image] = line


def _form(file: BinaryIO, path: Path) -> tuple[int, int]:
    """Columns of a file and width of its features, from its first line."""
    fields = file.readline(_LONGEST).rstrip(b"\r\n").split(b"\t")
    if len(fields) not in _FORMS:
        raise DataError(
            f"{path} has {len(fields)} columns in its first line, expected "
            f"{' or '.join(f'{n} ({names})' for n, names in _FORMS.items())}"
        )
    where = _where(path, 0)
    _, boxes = _image(fields, len(fields), where)
    width, rest = divmod(len(_decode(fields[-1], where)), 4 * boxes)
    if rest or not width:
        raise DataError(
            f"{where}, has features that {boxes} boxes do not divide into float32 vectors: the "
            "file is truncated or damaged, get it again"
        )
    return len(fields), width


def _lines(path: Path, file: BinaryIO, columns: int, width: int) -> Iterator[tuple[str, _Line]]:
    """Every image and its line, found from the beginnings of the lines alone."""
    size, offset = path.stat().st_size, 0
    while offset < size:
        file.seek(offset)
        fields = file.read(_HEAD).split(b"\t", columns - 2)
        image, boxes = _image(fields, columns, _where(path, offset))
        before = sum(len(field) + 1 for field in fields[: columns - 2])
        marks = len(b"b''") * fields[-1].startswith(b"b'")
        end = offset + before + _encoded(16 * boxes) + 1 + _encoded(4 * boxes * width) + 2 * marks
        yield image, _Line(path, offset, boxes)
        offset = _next_line(file, offset, end, size, path)


def _image(fields: list[bytes], columns: int, where: str) -> tuple[str, int]:
    """The image of a line, and its number of boxes."""
    number = fields[columns - 3] if len(fields) >= columns - 2 else b""
    if not number.isdigit() or int(number) == 0:
        raise DataError(
            f"{where}, is no line of features: column {columns - 2} is "
            f"{number[:20].decode(errors='replace')!r}, expected a number of boxes"
        )
    return fields[0].decode(errors="replace"), int(number)


def _next_line(file: BinaryIO, offset: int, end: int, size: int, path: Path) -> int:
    """Where the next line begins: after the expected end where a line does end there, else after
    the end that is found.
    """
    file.seek(end)
    after = file.read(2)
    if after[:1] == b"\n" or (not after and end == size):
        return end + len(after[:1])
    if after == b"\r\n":
        return end + 2
    file.seek(offset)
    line = file.readline(_LONGEST)
    if not line.endswith(b"\n"):
        raise DataError(
            f"{path} is truncated: its line at byte {offset} has {len(line)} bytes, expected "
            f"{end - offset}; get the file again"
        )
    return offset + len(line)


def _encoded(size: int) -> int:
    """Characters that base64 makes of so many bytes."""
    return 4 * ((size + 2) // 3)


def _decode(text: bytes, where: str) -> bytes:
    """What base64 stands for; `b'…'` around it is how Python writes bytes as text."""
    if text.startswith(b"b'") and text.endswith(b"'"):
        text = text[2:-1]
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise DataError(
            f"{where}, has features that are not base64: the file is truncated or damaged, get it "
            "again"
        ) from None


def _where(path: Path, offset: int) -> str:
    return f"{path}, line at byte {offset}"
