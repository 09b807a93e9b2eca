"""A reader of files, and the command line as one."""

from __future__ import annotations

import io
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import typer

from vsebench.cli.app import command
from vsebench.plugin import VsebenchError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@dataclass(frozen=True)
class Reader:
    """A reader and its file.

    Attributes:
        path: the file that is damaged.
        read: reads it, to what compares by `==`.
        sealed: whether what was written is known, so that damage is refused or changes nothing.
    """

    path: Path
    read: Callable[[], object]
    sealed: bool = False


def printed(*arguments: object) -> str:
    """What a command prints.

    Raises:
        VsebenchError: it refuses, with one line.
    """
    output = io.StringIO()
    try:
        with redirect_stdout(output), redirect_stderr(io.StringIO()):
            command().main(
                args=[str(each) for each in arguments],
                prog_name="vsebench",
                standalone_mode=False,
            )
    except typer.TyperException as error:
        raise VsebenchError(error.format_message()) from error
    return output.getvalue()


def plain(arrays: Any) -> dict[str, object]:
    """Arrays by name, as lists."""
    return {name: np.asarray(value).tolist() for name, value in arrays.items()}
