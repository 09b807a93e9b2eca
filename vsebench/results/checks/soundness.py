"""What a run must have left to be believed: figures that can be and that agree, and arrays of the
shapes and types in which they are written.
"""

from __future__ import annotations

import math
import sys
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from vsebench.plugin.metrics import FOLD, RECALLS
from vsebench.results.record import Cost
from vsebench.results.tasks import task_named, task_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

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
    _check(record.test.items(), bounds, "test ")
    _check(record.best_dev.items(), bounds, "dev ")
    _check(((name, column.value) for name, column in record.columns.items()), {}, "test ")
    costs = vars(record.cost) if record.cost is not None else {}
    _check(((name, value) for name, value in costs.items() if value is not None), _OF_COSTS)


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
        if headline not in point.metrics:
            raise ValueError(f"at step {point.step} it has no dev {headline}")
        _check(point.metrics.items(), bounds, "dev ", point.step)
        values = vars(point)
        for name, (least, most) in _OF_POINTS.items():
            if not least <= values[name] <= most:
                raise ValueError(f"at step {point.step} {name} is {values[name]}")
    if any(after.step <= before.step for before, after in pairwise(curve)):
        raise ValueError("its steps do not ascend")
    if curve and record.steps and curve[-1].step != record.steps:
        raise ValueError(
            f"it ends at step {curve[-1].step}, the record has {record.steps}: it was cut off"
        )


def check_queries(arrays: Mapping[str, NDArray[Any]]) -> None:
    """Checks what a run left of its queries: ranks, or values by image.

    Args:
        arrays: arrays of one of the two files, by name; ranks and `text_to_image` are whole
            numbers, and whatever is of images or of captions has as many values.

    Raises:
        ValueError: they are not.
    """
    ranks = {"i2t", "t2i"} & arrays.keys()
    if len(ranks) == 1:
        raise ValueError(f"it has ranks '{ranks.pop()}' alone")
    lengths: dict[bool, int] = {}
    for key, values in arrays.items():
        if values.ndim != 1 or values.dtype.kind not in ("iu" if ranks else "biuf"):
            raise ValueError(f"'{key}' is {values.dtype} of shape {values.shape}")
        of_captions = bool(ranks) and key.startswith("t")
        if not len(values) or lengths.setdefault(of_captions, len(values)) != len(values):
            raise ValueError(f"'{key}' has {len(values)} values, which the others do not fit")
        if ranks and values.min() < 0:
            raise ValueError(f"'{key}' has the value {values.min()}")
    if "i2t_1k" in arrays and lengths[False] % FOLD:
        raise ValueError(f"it has {lengths[False]} images, which are no folds of {FOLD:,}")
    owners = arrays.get("text_to_image")
    if ranks and owners is not None and owners.max() >= lengths[False]:
        raise ValueError(f"'text_to_image' has the value {owners.max()}")


def check_positions(arrays: Mapping[str, NDArray[Any]]) -> None:
    """Checks weights over sorted positions: for each side float [L, N], a row for each of up to
    three lengths n, finite up to n and NaN beyond.

    Raises:
        ValueError: they are not.
    """
    import numpy as np

    for key, table in arrays.items():
        if table.ndim != 2 or table.dtype.kind != "f" or not 1 <= len(table) <= 3:
            raise ValueError(f"'{key}' is {table.dtype} of shape {table.shape}")
        if not table.size or np.isnan(table[:, 0]).any() or np.isinf(table).any():
            raise ValueError(f"'{key}' has weights that are not finite")


def check_retrieved(arrays: Mapping[str, NDArray[Any]]) -> None:
    """Checks what was retrieved: by direction some queries, whole numbers [q], and with `_top`
    added the items at the top of the ranking of each [q, k].

    Raises:
        ValueError: it is something else.
    """
    for key in [key for key in arrays if not key.endswith("_top")]:
        queries, top = arrays[key], arrays.get(f"{key}_top")
        if top is None:
            raise ValueError(f"it has no '{key}_top'")
        if not len(queries) and not len(top):
            continue
        whole = queries.dtype.kind in "iu" and top.dtype.kind in "iu"
        if not whole or queries.ndim != 1 or top.ndim != 2 or len(top) != len(queries):
            raise ValueError(
                f"'{key}' is {queries.dtype} of shape {queries.shape}, '{key}_top' {top.dtype} of "
                f"shape {top.shape}"
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


def _check(
    found: Iterable[tuple[str, float]],
    bounds: Mapping[str, Span],
    split: str = "",
    step: int | None = None,
) -> None:
    """Numbers are within their bounds, and finite where none are known."""
    for name, value in found:
        least, most = bounds.get(name, _ANY)
        if not least <= value <= most:
            where = "" if step is None else f"at step {step} "
            raise ValueError(f"{where}{split}{name} is {value}")
