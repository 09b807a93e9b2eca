"""Reads UTF-8 text files by lines; what is wrong with a file is reported in one line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vsebench.data.vocabulary import has_word
from vsebench.plugin import DataError, MissingError

if TYPE_CHECKING:
    from pathlib import Path


def read_lines(path: Path) -> list[str]:
    r"""The lines of a file, without their ends; `\\n` and `\\r\\n` end a line, nothing else does.

    Raises:
        DataError: the file is missing, cannot be read, or is not UTF-8.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise MissingError(f"{path} is missing") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"{path}, line {line}, is not UTF-8 (byte 0x{content[error.start]:02x}): convert the "
            "file with iconv"
        ) from None
    lines = text.split("\n")
    if lines[-1] == "":
        del lines[-1]
    return [line.removesuffix("\r") for line in lines]


def read_captions(path: Path) -> list[str]:
    """One caption a line.

    Raises:
        DataError: as `read_lines`, or a caption has no word.
    """
    captions = read_lines(path)
    for number, caption in enumerate(captions, start=1):
        if not has_word(caption):
            raise DataError(
                f"{path}, line {number}, is an empty caption (no word in {caption!r}): every line "
                "must describe an image"
            )
    return captions
