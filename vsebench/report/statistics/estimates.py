"""Means of rows, and of differences of rows, with their errors over seeds and over images; of rows
that were tuned in several studies, over studies in the place of seeds.
"""

from __future__ import annotations

import math
from statistics import fmean
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from vsebench.report.rows.runs import on_same_images, on_same_images_by_row
from vsebench.report.statistics.means import (
    Estimate,
    Interval,
    MeanSquares,
    interval,
    mean_squares,
    student,
    two_way,
)
from vsebench.report.statistics.moderation import moderated

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    from numpy.typing import NDArray

    from vsebench.report.rows.runs import Run

ROWS = 64
"""Rows to take at once: their tables fit into the processor's cache, or nearly."""

Pair = tuple[object, object]
"""What tells the two rows of a difference from other rows."""


class Estimates(NamedTuple):
    """A mean over seeds with what is known of its error.

    Attributes:
        mean: mean over seeds.
        seeds: estimate whose error is that of other seeds on these images; None of one seed.
        squares: mean squares of seeds and images; None of one seed, and where it is not known what
            each image contributed.
    """

    mean: float
    seeds: Estimate | None
    squares: MeanSquares | None

    @property
    def images(self) -> bool:
        """Whether the errors count the images, and not the seeds alone."""
        return self.squares is not None

    @property
    def deciding(self) -> Estimate | None:
        """The estimate that the interval rests on: the one over images, too, if any."""
        return self.seeds if self.squares is None else two_way(self.squares)

    def interval(self, level: float) -> Interval:
        """The interval of the deciding estimate; without ends where there is none."""
        return _interval(self.mean, self.deciding, level)

    def interval_of_seeds(self, level: float) -> Interval:
        """Student's interval over seeds; without ends of one seed."""
        return _interval(self.mean, self.seeds, level)


def of_rows(rows: Sequence[Sequence[Run]], key: str) -> list[Estimates | None]:
    """The mean of a metric over the finished runs of each of some `ROWS` rows; None unless all of
    them have it: a mean over a part of the seeds is not the row's.
    """
    tables = on_same_images_by_row(rows, key)
    samples = [_of_runs(*each, key) for each in zip(rows, tables, strict=True)]
    known = iter(_estimates([sample for sample in samples if sample is not None]))
    return [None if sample is None else next(known) for sample in samples]


def of_differences(
    runs: Mapping[int, Run], others: Mapping[int, Run], key: str
) -> Estimates | None:
    """The mean difference of two rows, paired by seed, on the same images; None without a common
    seed.

    Args:
        runs: finished runs of a row by seed, with the metric.
        others: those of the row that is subtracted.
        key: key of the metric.
    """
    seeds = sorted(runs.keys() & others.keys())
    if not seeds:
        return None
    ours, theirs = ([row[seed] for seed in seeds] for row in (runs, others))
    values = [run.test(key) - other.test(key) for run, other in zip(ours, theirs, strict=True)]
    table = on_same_images([*ours, *theirs], key)
    return estimated(
        values,
        None if table is None else table[: len(seeds)] - table[len(seeds) :],
        [(run.study, other.study) for run, other in zip(ours, theirs, strict=True)],
    )


def estimated(
    values: Sequence[float], table: NDArray[np.float64] | None, studies: Sequence[Hashable]
) -> Estimates:
    """The mean of some value over seeds. Of runs that were tuned in several studies, the mean of
    each study counts as a seed does.

    Args:
        values: one for each seed.
        table: the same by image, float64 [seeds, images]; None where that is not known.
        studies: study of each seed's run, or the studies of both runs of a pair.
    """
    return _estimates([_by_study(values, table, studies)])[0]


def tested(family: Sequence[tuple[Pair, Estimates]]) -> list[Estimate | None]:
    """The estimates that verdicts on several differences rest on: of those that count the images,
    with seed variances that know of each other. One seed has none.

    Args:
        family: the two rows of each difference, and the difference.
    """
    imaged = [(pair, each.squares) for pair, each in family if each.squares is not None]
    rows = {row for pair, _ in imaged for row in pair}
    judged = iter(moderated([squares for _, squares in imaged], len(rows)))
    return [next(judged) if each.images else each.seeds for _, each in family]


def by_seed(runs: Sequence[Run], key: str) -> dict[int, Run]:
    """The finished runs of a row that have a metric, by seed."""
    return {run.record.spec.seed: run for run in runs if run.done and math.isfinite(run.test(key))}


class _Sample(NamedTuple):
    """Values over seeds, or over studies, and what each image contributed to each, [values,
    images], where that is known.
    """

    values: Sequence[float]
    table: NDArray[np.float64] | None


def _of_runs(runs: Sequence[Run], table: NDArray[np.float64] | None, key: str) -> _Sample | None:
    values = [run.test(key) for run in runs]
    if not values or not all(math.isfinite(value) for value in values):
        return None
    return _by_study(values, table, [run.study for run in runs])


def _by_study(
    values: Sequence[float], table: NDArray[np.float64] | None, studies: Sequence[Hashable]
) -> _Sample:
    """Of runs that were tuned in several studies, the mean of each study counts as a seed does:
    its runs share the luck of one search, and repeating them does not make it less.
    """
    if len(set(studies)) == 1:
        return _Sample(values, table)
    groups: dict[Hashable, list[int]] = {}
    for place, study in enumerate(studies):
        groups.setdefault(study, []).append(place)
    values = [fmean(values[i] for i in group) for group in groups.values()]
    if table is not None:
        table = np.stack([table[group].mean(axis=0) for group in groups.values()])
    return _Sample(values, table)


def _estimates(samples: Sequence[_Sample]) -> list[Estimates]:
    found = []
    for (values, _), squares in zip(samples, _squares(samples), strict=True):
        seeds = student(values)
        if seeds is None:
            found.append(Estimates(values[0], None, None))
        else:
            known = None if squares is None else squares._replace(mean=seeds.mean)
            found.append(Estimates(seeds.mean, seeds, known))
    return found


def _squares(samples: Sequence[_Sample]) -> list[MeanSquares | None]:
    """The mean squares of tables, those of one shape at once; None of a single image."""
    shapes: dict[tuple[int, ...], list[int]] = {}
    for place, (_, table) in enumerate(samples):
        if table is not None and table.shape[1] > 1:
            shapes.setdefault(table.shape, []).append(place)
    found: list[MeanSquares | None] = [None] * len(samples)
    for places in shapes.values():
        alike = np.stack([table for i in places if (table := samples[i].table) is not None])
        for place, squares in zip(places, mean_squares(alike), strict=True):
            found[place] = squares
    return found


def _interval(mean: float, estimate: Estimate | None, level: float) -> Interval:
    return Interval(mean, None, None) if estimate is None else interval(estimate, level)
