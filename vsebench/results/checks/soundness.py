"""What the figures of a run must be to be believed: numbers that can be, and that agree."""

from __future__ import annotations

import math
import sys
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING

from vsebench.plugin.metrics import RECALLS
from vsebench.results.record import Cost
from vsebench.results.tasks import task_named, task_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from vsebench.plugin.metrics import Span
    from vsebench.results.record import Evaluation, RunRecord

_ROUNDING = 1e-6
"""Of a sum that was added up in another order, or of figures that were cut to fewer digits."""

_LARGEST = sys.float_info.max
_ANY = (-_LARGEST, _LARGEST)
_COUNT = (0.0, _LARGEST)
_OF_COSTS = dict.fromkeys(Cost.model_fields, _COUNT)
_OF_POINTS = {"loss": _ANY, **dict.fromkeys(("step", "epoch", "seconds", "lr"), _COUNT)}
"""Bounds of what evaluations have beside metrics."""


def check_record(record: RunRecord) -> None:
    """Checks a record by itself.

    Raises:
        ValueError: its id is not that of its spec, so that it was copied from another run and
            changed; or a figure of it cannot be.
    """
    if record.run_id != record.spec.run_id:
        raise ValueError(
            f"it is a changed copy: its id {record.run_id} is not that of its spec, "
            f"{record.spec.run_id}"
        )
    bounds = _bounds(record.spec.task)
    _check("test ", record.test.items(), bounds)
    _check("dev ", record.best_dev.items(), bounds)
    _check("test ", ((name, column.value) for name, column in record.columns.items()), {})
    known = ((name, value) for name, value in record.cost or () if value is not None)
    _check("", known, _OF_COSTS)


def faults(record: RunRecord) -> Iterator[str]:
    """What contradicts itself in a record: what `check_record` refuses, and an RSUM that is not the
    sum of the six.
    """
    try:
        check_record(record)
    except ValueError as error:
        yield str(error)
        return
    for split, found in (("test", record.test), ("dev", record.best_dev)):
        if found.keys() >= {"rsum", *RECALLS}:
            total = math.fsum(found[key] for key in RECALLS)
            if abs(total - found["rsum"]) > _ROUNDING:
                yield f"{split} RSUM is {found['rsum']}, the sum of the six is {total}"


def check_curve(record: RunRecord, curve: Sequence[Evaluation]) -> None:
    """Checks the curve of a run that ended well, by itself and against the record.

    Raises:
        ValueError: it is cut off, its steps do not ascend, or a figure of it cannot be.
    """
    bounds, headline = _bounds(record.spec.task), task_of(record.spec).headline.key
    for point in curve:
        where = f"at step {point.step} "
        if headline not in point.metrics:
            raise ValueError(f"{where}it has no dev {headline}")
        _check(f"{where}dev ", point.metrics.items(), bounds)
        others = vars(point)
        _check(where, [(name, others[name]) for name in _OF_POINTS], _OF_POINTS)
    if any(after.step <= before.step for before, after in pairwise(curve)):
        raise ValueError("its steps do not ascend")
    if curve and record.steps and curve[-1].step != record.steps:
        raise ValueError(
            f"it ends at step {curve[-1].step}, the record has {record.steps}: it was cut off"
        )


@cache
def _bounds(task: str) -> Mapping[str, Span]:
    """What each metric of a task can be, by key: finite in any case."""
    metrics = (*task_named(task).metrics, *task_named(task).further)
    return {
        metric.key: (max(least, -_LARGEST), min(most + _ROUNDING, _LARGEST))
        for metric in metrics
        for least, most in [metric.span]
    }


def _check(where: str, found: Iterable[tuple[str, float]], bounds: Mapping[str, Span]) -> None:
    """Numbers are within their bounds, and finite where none are known."""
    for name, value in found:
        least, most = bounds.get(name, _ANY)
        if not least <= value <= most:
            raise ValueError(f"{where}{name} is {value}")
