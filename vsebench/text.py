"""Text that people bring, whatever wrote it: one reader of captions, ids, pairs, suites and JSON.

UTF-8 and, with a byte-order mark, UTF-16 and UTF-32 are read, with the line ends of any system. All
else is refused as what it is, with the command that converts it, since a guess at an encoding would
be a silent change of the data.
"""

from __future__ import annotations

import codecs
import json
import re
import shlex
import tomllib
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from vsebench.files import MOST_JSON, open_regular, read_bytes
from vsebench.plugin.errors import DataError, MissingError, VsebenchError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_MARKS = (  # the longer ones first: that of UTF-16 begins one of UTF-32
    (codecs.BOM_UTF8, "utf-8-sig", "UTF-8"),
    (codecs.BOM_UTF32_LE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF32_BE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF16_LE, "utf-16", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16", "UTF-16"),
)
_PACKED = {
    b"\x1f\x8b": "packed with gzip",
    b"PK\x03\x04": "a zip archive, as spreadsheets and documents are",
    b"BZh": "packed with bzip2",
    b"\xfd7zXZ": "packed with xz",
    b"\x28\xb5\x2f\xfd": "packed with zstd",
    b"\x93NUMPY": "an array of NumPy",
    b"%PDF": "a PDF",
}
_OTHERS = ("GB18030", "BIG5", "SHIFT_JIS", "EUC-JP", "EUC-KR", "WINDOWS-1251")
"""Encodings of more than single accents, as Python and iconv both call them."""

_LONE = 1.5
"""Bytes beyond ASCII in a row, on average, up to which they are accents and signs."""

_FORMULA = re.compile(r"[=+\-@\t\r\n](?!\d+(?:\.\d*)?(?:e[+-]?\d+)?\Z)", re.IGNORECASE)
"""How a text begins that a spreadsheet runs; a number with a sign is none."""

_ENDLESS_KEY = re.compile(r"(?:[^\s.,=\[\]{}]+\s*\.\s*){32}")


def as_json(value: object) -> str:
    """A value as JSON for people, too: text as it is, and never NaN, which is no JSON."""
    return json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False)


def no_formula(cell: Any) -> Any:
    """A cell of a CSV file, with a quote before a text that a spreadsheet would run as a formula.

    >>> no_formula("=HYPERLINK(1)"), no_formula("-1.5"), no_formula(-1.5)
    ("'=HYPERLINK(1)", '-1.5', -1.5)
    """
    return f"'{cell}" if isinstance(cell, str) and _FORMULA.match(cell) else cell


@contextmanager
def readable(path: object) -> Iterator[None]:
    """Whatever keeps a file from being read in the block is reported in one line about `path`.

    Raises:
        MissingError: it is missing.
        DataError: it cannot be read.
    """
    try:
        yield
    except VsebenchError:  # says more than that it cannot be read
        raise
    except FileNotFoundError:
        raise MissingError(f"{path} is missing") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise DataError(f"{path} cannot be read: {error}") from None


def read_text(path: Path) -> str:
    """What a text file holds, without its byte-order mark.

    Raises:
        DataError: it is missing, cannot be read, or is text of no encoding that is read.
    """
    return decode(_read(path), path)


def read_toml(path: Path) -> dict[str, Any]:
    """What a TOML file holds.

    Raises:
        DataError: it is missing, cannot be read, or is not TOML.
    """
    try:
        return parse_toml(path)
    except FileNotFoundError:
        raise MissingError(f"{path} is missing") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error
    except DataError:
        raise
    except ValueError as error:
        raise DataError(f"{path} is not TOML: {error}") from error


def parse_toml(path: Path) -> dict[str, Any]:
    """As `read_toml`, for those who word its errors otherwise.

    Raises:
        OSError: it is missing, or cannot be read.
        DataError: it is text of no encoding that is read.
        ValueError: it is not TOML, no regular file, or too large.
    """
    return toml_of(decode(read_bytes(path, most=MOST_JSON), path))


def toml_of(text: str) -> dict[str, Any]:
    """What a text in TOML says.

    Raises:
        ValueError: it is not TOML.
    """
    if _ENDLESS_KEY.search(text):  # the parser's time grows with its square
        raise ValueError("a key has more than 32 parts")
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def decode(content: bytes, path: Path) -> str:
    """The text of bytes; `path` is how an error names them.

    Raises:
        DataError: they are text of no encoding that is read.
    """
    encoding, name = next(
        ((encoding, name) for mark, encoding, name in _MARKS if content.startswith(mark)),
        ("utf-8", "UTF-8"),
    )
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        raise DataError(_wrong(content, path, error, name)) from None
    if "\0" in text:
        raise DataError(_with_zeros(content, path))
    return text


def lines_of(text: str) -> list[str]:
    r"""The lines of a text, without their ends; `\n` and `\r\n` end a line, or `\r` where the text
    has no other. A byte-order mark that begins a line, as joined files have it, is left out.
    """
    end = "\r" if "\n" not in text and "\r" in text else "\n"
    lines = text.split(end)
    if lines[-1] == "":
        del lines[-1]
    return [line.removesuffix("\r").lstrip("\ufeff") for line in lines]


def stream_lines(path: Path) -> Iterator[bytes]:
    """As `lines_of` what `read_text` reads, in UTF-8 and one line at a time, for files that memory
    need not hold.

    Raises:
        DataError: as `read_text`.
    """
    with readable(path), open_regular(path) as file:
        first = file.readline()
        marked = first.startswith(tuple(mark for mark, *_ in _MARKS[1:]))
        if marked or not first.endswith(b"\n"):
            yield from (line.encode() for line in lines_of(decode(first + file.read(), path)))
            return
        file.seek(0)
        for line in file:
            if (not line.isascii() and not _is_utf8(line)) or b"\0" in line:
                decode(path.read_bytes(), path)
            yield _bare(line)


def _bare(line: bytes) -> bytes:
    bare = line.removesuffix(b"\n").removesuffix(b"\r")
    while bare.startswith(codecs.BOM_UTF8):
        bare = bare.removeprefix(codecs.BOM_UTF8)
    return bare


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def _read(path: Path) -> bytes:
    with readable(path):
        named = path.is_relative_to("/dev")  # a pipe of the shell, which has a writer
        return path.read_bytes() if named else read_bytes(path)


def _wrong(content: bytes, path: Path, error: UnicodeDecodeError, name: str) -> str:
    """Why content is not text in the encoding that it should have."""
    if (packed := _packed(content)) is not None:
        return f"{path} is {packed}: expected text in UTF-8"
    if name != "UTF-8":
        return (
            f"{path} begins as {name} does, but byte {error.start} ends no character of it: the "
            "file is damaged or cut short, get it again"
        )
    number = content.count(b"\n", 0, error.start) + 1
    where = f"{path}, line {number}, is not UTF-8"
    byte = f"byte 0x{content[error.start]:02x} at offset {error.start}"
    if error.end == len(content) and error.reason == "unexpected end of data":
        return f"{where}: the file ends within a character, cut short: get it again"
    if b"\0" in content:
        return _with_zeros(content, path)
    if _mostly_utf8(content):
        return f"{where} ({byte}), though the rest of the file is: retype that line"
    if (latin := _accents(content)) is not None:
        char = content[error.start : error.start + 1].decode(latin, "replace")
        return f"{where} ({byte}, {char!r} in {latin}): convert it, {_iconv(latin, path)}"
    begin = content.rfind(b"\n", 0, error.start) + 1
    line = content[begin : begin + 400].splitlines()[0]
    readings = ", ".join(
        f"{line.decode(other, 'ignore')[:12]!r} in {other}"
        for other in _OTHERS
        if _decodes(content, other)
    )
    return (
        f"{where} ({byte}); the line begins {readings or 'as in no encoding known here'}: convert "
        f"it from the one it is in, {_iconv('ENCODING', path)}"
    )


def _with_zeros(content: bytes, path: Path) -> str:
    """What text with zero bytes is: of UTF-16 every character of English has one."""
    even, odd = content[::2].count(0), content[1::2].count(0)
    name = "UTF-16LE" if odd > even else "UTF-16BE"
    if _packed(content) is None and even != odd and _decodes(content, name):
        return f"{path} is {name} without a byte-order mark: convert it, {_iconv(name, path)}"
    what = _packed(content) or "no text"
    return f"{path} is {what} (byte {content.index(0)} is zero): expected text in UTF-8"


def _packed(content: bytes) -> str | None:
    return next((what for magic, what in _PACKED.items() if content.startswith(magic)), None)


def _mostly_utf8(content: bytes) -> bool:
    """Whether as many characters beyond ASCII are UTF-8 as are not, or more."""
    text = content.decode("utf-8", "replace")
    wrong = text.count("\ufffd")
    return sum(not char.isascii() for char in text) - wrong >= wrong


def _accents(content: bytes) -> str | None:
    """The encoding of text with single letters beyond ASCII among others, as accents are."""
    found = re.findall(rb"[\x80-\xff]+", content)
    if sum(map(len, found)) > _LONE * len(found):
        return None
    return "WINDOWS-1252" if re.search(rb"[\x80-\x9f]", content) else "ISO-8859-1"


def _decodes(content: bytes, encoding: str) -> bool:
    try:
        content.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _iconv(encoding: str, path: Path) -> str:
    new = path.with_name(f"{path.name}.utf8")
    return f"iconv -f {encoding} -t UTF-8 {shlex.quote(str(path))} > {shlex.quote(str(new))}"
