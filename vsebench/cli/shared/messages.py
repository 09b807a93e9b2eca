"""What commands say: JSON on standard output; notes, warnings and how to resume on standard error;
and the codes that they exit with.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator

SOME_FAILED = 1
"""Runs or figures failed, or something is not as promised or published."""
WRONG_REQUEST = 2
GATE_FAILED = 3
"""What was to be checked does not hold."""
NOTHING_COMPARED = 4
"""Nothing could be compared, or what was leaves it open."""


def print_json(document: object) -> None:
    """Prints a document for programs."""
    from vsebench.text import as_json

    typer.echo(as_json(document))


def say(text: str) -> None:
    """Says something beside the output."""
    typer.echo(f"vsebench: {text}", err=True)


def note(text: str) -> None:
    """Says what a reader of the output may want to know."""
    say(f"note: {text}")


def warn(text: str) -> None:
    """Says what a reader of the output must know."""
    say(f"warning: {text}")


@contextmanager
def resumable() -> Iterator[None]:
    """Work of which nothing is lost when it is interrupted: the message says so."""
    try:
        yield
    except KeyboardInterrupt as interrupt:
        interrupt.args = ("the same command resumes where this one stopped",)
        raise
