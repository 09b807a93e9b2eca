"""Entries of a catalogue."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

VALID = {
    "name": "vsebench-acme",
    "summary": "a pooling of acme's",
    "repository": "https://example.org/acme/vsebench-acme",
    "license": "MIT",
    "version": "0.2.0",
    "vsebench": "0.1",
    "components": {"pooling": ["acme"]},
}


def toml(**changes: object) -> str:
    """An index of one valid entry, some of whose fields are changed, or left out where the value is
    None.
    """
    fields = {**VALID, **changes}
    lines = [f"{key} = {_value(value)}" for key, value in fields.items() if value is not None]
    return "schema = 1\n[[package]]\n" + "\n".join(lines) + "\n"


def _value(value: object) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{kind} = {names!r}" for kind, names in value.items()) + " }"
    return repr(value)


def index(folder: Path, text: str) -> Path:
    file = folder / "index.toml"
    file.write_text(text)
    return file
