"""Standard output and error as commands write to them.

What is printed of records, captions and cards commands no terminal: control characters are shown as
their escapes. And no encoding of a terminal or pipe ends a command. The one place for both is the
stream, so that no command can forget it.
"""

from __future__ import annotations

import codecs
import io
import sys
from typing import TYPE_CHECKING, Any, TextIO, cast

if TYPE_CHECKING:
    from collections.abc import Iterable


_KEPT = "\n\t\r"
_ESCAPES = {
    code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in _KEPT
} | {code: f"\\u{code:04x}" for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))}
"""Control characters, and those that let text run backwards."""

_PLAIN = {
    "±": "+-",
    "×": "x",
    "·": "-",
    "–": "-",
    "−": "-",
    "…": "...",
    "†": "+",
    "‡": "++",
    "↑": "^",
    "→": "->",
    "Δ": "d",
    "§": "S",
    "∞": "inf",
}
"""What tables are written with, for encodings that do not have it."""

_ERRORS = "vsebench-plain"


def printable(text: str) -> str:
    """A text whose control characters, but line ends and tabs, are escapes."""
    return text.translate(_ESCAPES)


class _Printable:
    """A text stream that writes what is printable, and is the other one in all else."""

    def __init__(self, stream: TextIO) -> None:
        self.unescaped = stream

    def write(self, text: str) -> int:
        return self.unescaped.write(printable(text))

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.unescaped, name)


def escape_streams() -> None:
    """From here on standard output and error write what is printable."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is not None and not isinstance(stream, _Printable):
            setattr(sys, name, _Printable(stream))


def drawing() -> TextIO:
    """Standard error for what draws on the terminal itself, such as a bar."""
    return cast("TextIO", getattr(sys.stderr, "unescaped", sys.stderr))


def never_fail() -> None:
    """Lets what the encoding of the terminal or pipe does not have come out as what is nearest, `±`
    as `+-`, and anything else as `?`, instead of ending the command.
    """
    codecs.register_error(_ERRORS, _plain)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=_ERRORS)


def _plain(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    return "".join(_PLAIN.get(character, "?") for character in text), error.end
