"""How a run's quality rose and when it arrived: what every table needs of training curves, held as
plain columns.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean
from typing import TYPE_CHECKING, Any, NamedTuple

from vsebench.results.record import Evaluation
from vsebench.results.tasks import task_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vsebench.results.reader import RunReader
    from vsebench.results.record import RunRecord

SHARE = 0.95
"""The share of a best dev RSUM, or MAP, that counts as having arrived."""

CUT = 0.6
"""A learning rate that falls below this share of the last one was cut."""


class Progress(NamedTuple):
    """The headline on dev at every evaluation, and what it took; an entry each.

    Attributes:
        steps: optimiser steps done.
        epochs: steps over steps per epoch.
        seconds: training time so far, evaluation excluded.
        quality: dev RSUM, or MAP.
        rates: learning rate of the last step.
    """

    steps: tuple[int, ...] = ()
    epochs: tuple[float, ...] = ()
    seconds: tuple[float, ...] = ()
    quality: tuple[float, ...] = ()
    rates: tuple[float, ...] = ()


def progress(curve: Sequence[Evaluation], key: str) -> Progress:
    """The progress of a curve by the metric of that key, which failed runs may lack."""
    points = (
        (each.step, each.epoch, each.seconds, each.metrics.get(key, math.nan), each.lr)
        for each in curve
    )
    return Progress(*zip(*points, strict=True))


class StoredCurve(Sequence[Evaluation]):
    """The curve that a run left, found whole. Its progress is kept; its evaluations are read again
    when they are asked for, as those of ten thousand runs take more memory than their records.

    Attributes:
        progress: its progress by the headline.
    """

    def __init__(self, reader: RunReader, record: RunRecord) -> None:
        """Reads and checks it.

        Raises:
            VsebenchError: it is damaged, or it or the record lacks what every finished run has.
        """
        self._reader = reader
        self.progress = progress(reader.read_whole_curve(record), task_of(record.spec).headline.key)

    def __len__(self) -> int:
        return len(self.progress.steps)

    def __iter__(self) -> Iterator[Evaluation]:
        return iter(self._reader.read_curve())

    def __getitem__(self, index: Any) -> Any:
        return self._reader.read_curve()[index]


class Reach(NamedTuple):
    """What it took to arrive.

    Attributes:
        steps: optimiser steps of the run itself; updates on the annotation task.
        epochs: the same in passes over the training captions, or rounds.
        seconds: seconds on the training clock, which starts with what the method needs first: the
            runs that it depends on, and mining.
    """

    steps: float
    epochs: float
    seconds: float


def mean_reach(reached: Sequence[Reach | None]) -> Reach | None:
    """The mean over seeds; None unless every seed arrived, because a mean over those that did would
    favour methods that often fail to.
    """
    found = [r for r in reached if r is not None]
    if not found or len(found) < len(reached):
        return None
    return Reach(*map(fmean, zip(*found, strict=True)))
