"""Standard output and error on terminals and pipes of any encoding."""

from __future__ import annotations

import codecs
import io
import sys

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
