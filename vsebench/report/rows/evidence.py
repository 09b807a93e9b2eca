"""Which rows are no evidence about what they compare, and why. They are shown,
and compared with none.

This module alone judges; tables, notes, the page and comparisons read what it says.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vsebench.report.rows.runs import Run

RISE = 0.01
"""The share of its best dev quality that a row may gain late in training and still count as
converged: about what `compare` calls no loss, so that what a longer training would add is less than
what comparisons turn on.
"""

LATE = 0.25
"""The share of the training steps, at the end, in which that gain is measured."""


class Reason(NamedTuple):
    """Why a row is no evidence.

    Attributes:
        name: name in JSON, frames and verdicts.
        mark: mark in tables, beside the headline.
    """

    name: str
    mark: str


COLLAPSED = Reason("collapsed", "†")
WARM_UP = Reason("selected in warm-up", "‡")
RISING = Reason("still rising", "↑")
REASONS = (COLLAPSED, WARM_UP, RISING)


def no_evidence(runs: Sequence[Run]) -> tuple[Reason, ...]:
    """Why a row is no evidence; empty where it is.

    One collapsed run, or one whose model knows nothing of the row's loss, spoils the mean over
    seeds; whether quality still rises is read from the mean, which varies less than a run does.

    Args:
        runs: runs of the row; those that failed are left out.
    """
    done = [run for run in runs if run.done]
    found = {reason for run in done for reason in spoiled(run)}
    rise = late_rise(done)
    if rise is not None and rise > RISE:
        found.add(RISING)
    return tuple(reason for reason in REASONS if reason in found)


def spoiled(run: Run) -> tuple[Reason, ...]:
    """What went wrong with one finished run: it ended with its embeddings in one narrow cone, or
    its best model on dev had not seen the row's loss yet.
    """
    found = ((COLLAPSED, run.record.collapse is not None), (WARM_UP, _selected_in_warm_up(run)))
    return tuple(reason for reason, true in found if true)


def _selected_in_warm_up(run: Run) -> bool:
    """Not where the warm-up trains with the row's own loss."""
    record, spec = run.record, run.record.spec
    if spec.warmup is None or record.best_step is None:
        return False
    steps = (
        round(spec.warmup.epochs * record.steps_per_epoch)
        if record.warmup_steps is None
        else record.warmup_steps
    )
    return 0 < record.best_step <= steps and spec.warmup.loss != spec.loss.spec


def late_rise(done: Sequence[Run]) -> float | None:
    """How much of its best dev RSUM (MAP) a row gained in the last quarter of its training steps:
    the gain as a share of the best, both means over seeds.

    Between two evaluations the best so far is read on the line that joins them. Runs whose first
    evaluation lies in their last quarter tell nothing; None where all are such.
    """
    found = [pair for run in done if (pair := _before_and_after(run)) is not None]
    best = math.fsum(after for _, after in found)
    return math.fsum(after - before for before, after in found) / best if best > 0 else None


def _before_and_after(run: Run) -> tuple[float, float] | None:
    """The best dev quality until the last quarter, and until the end."""
    steps, quality = run.progress.steps, run.progress.quality
    late = (1 - LATE) * steps[-1] if steps else 0.0
    best, before, last = -math.inf, None, 0
    for step, found in zip(steps, quality, strict=True):
        so_far = max(best, found)
        if last <= late < step and best > -math.inf:
            before = best + (so_far - best) * (late - last) / (step - last)
        best, last = so_far, step
    return None if before is None else (before, best)
