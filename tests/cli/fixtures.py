"""Types of the fixtures that call the command line."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple


class Printed(NamedTuple):
    """What a command printed to standard output and error."""

    out: str
    err: str


Answer = Callable[..., tuple[int, str, str]]
Prints = Callable[..., Printed]
Call = Callable[..., str]
