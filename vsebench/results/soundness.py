"""What the figures of a run must be to be believed: numbers that can be, and that agree."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING

from vsebench.plugin.metrics import RECALLS
from vsebench.results.tasks import task_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from vsebench.plugin.metrics import Metric
    from vsebench.results.record import Evaluation, RunRecord

_ROUNDING = 1e-6
"""Of a sum that was added up in another order, or of figures that were cut to fewer digits."""


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
    task = task_of(record.spec)
    metrics = (*task.metrics, *task.further)
    for split, found in (("test", record.test), ("dev", record.best_dev)):
        _check_metrics(metrics, found, split)
    for name, column in record.columns.items():
        _check_number(f"test {name}", column.value)
    cost = record.cost.model_dump(exclude_none=True) if record.cost is not None else {}
    for name, value in cost.items():
        _check_number(name, value, least=0)


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
    metrics = task_of(record.spec).metrics
    for point in curve:
        where = f"at step {point.step} "
        _check_metrics(metrics, point.metrics, f"{where}dev")
        _check_number(f"{where}loss", point.loss)
        for name in ("step", "epoch", "seconds", "lr"):
            _check_number(f"{where}{name}", getattr(point, name), least=0)
    if any(after.step <= before.step for before, after in pairwise(curve)):
        raise ValueError("its steps do not ascend")
    if curve and record.steps and curve[-1].step != record.steps:
        raise ValueError(
            f"it ends at step {curve[-1].step}, the record has {record.steps}: it was cut off"
        )


def _check_metrics(metrics: Sequence[Metric], found: Mapping[str, float], split: str) -> None:
    """Metrics are finite and within their bounds."""
    spans = {each.key: each.span for each in metrics}
    for key, value in found.items():
        _check_number(f"{split} {key}", value, *spans.get(key, (-math.inf, math.inf)))


def _check_number(
    name: str, value: float, least: float = -math.inf, most: float = math.inf
) -> None:
    if not (math.isfinite(value) and least <= value <= most + _ROUNDING):
        raise ValueError(f"{name} is {value}")
