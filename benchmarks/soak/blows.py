"""What befalls the grid, drawn from a seed."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

KINDS = {
    "kill a worker": 8,
    "kill the command": 1,
    "kill what runs are forked from": 1,
    "interrupt the command": 0.5,
    "terminate the command": 0.5,
    "stop a worker": 2,
    "stop what runs are forked from": 0.5,
    "pause a worker": 3,
    "pause the command": 1,
    "fill the disk": 1,
    "flip a bit of a run": 10,
    "flip a bit of the cache": 1,
    "start a second command": 1,
}
"""What happens, and how often beside the others. What is paused goes on after a while; what is
stopped does not.
"""

_WAITS = (0.3, 3.0)
_LENGTHS = (0.2, 4.0)


@dataclass(frozen=True)
class Blow:
    """One thing that happens.

    Attributes:
        wait: seconds since the last one.
        kind: one of `KINDS`.
        which: which of those that it could meet, from 0 to below 1.
        where: where in a file, likewise.
        length: seconds that a pause or a full disk takes.
    """

    wait: float
    kind: str
    which: float
    where: float
    length: float


def blows(seed: int) -> Iterator[Blow]:
    """The same for the same seed, without end."""
    rng = random.Random(f"soak {seed}")
    while True:
        yield Blow(
            wait=rng.uniform(*_WAITS),
            kind=rng.choices(list(KINDS), list(KINDS.values()))[0],
            which=rng.random(),
            where=rng.random(),
            length=rng.uniform(*_LENGTHS),
        )
