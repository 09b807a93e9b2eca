"""Which rows of a table are indistinguishable from its best."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from vsebench.report.statistics.estimates import by_seed, of_differences, tested
from vsebench.report.statistics.means import holm, two_sided
from vsebench.report.statistics.pairs import all_pairs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from vsebench.plugin.metrics import Metric
    from vsebench.report.rows.runs import Run
    from vsebench.report.rows.sections import Section
    from vsebench.report.statistics.estimates import Estimates

Combination = tuple[str, str]


class Ties(NamedTuple):
    """What all pairs of a table's rows say of the best.

    Attributes:
        best: row of the highest mean.
        untold: rows indistinguishable from it, in the order of the table.
        told: how many rows can.
        pairs: how many pairs of rows were tested.
        images: whether every test counts the images, too.
    """

    best: Combination
    untold: tuple[Combination, ...]
    told: int
    pairs: int
    images: bool


class Told(NamedTuple):
    """Which rows of a table differ.

    Attributes:
        rows: rows that were tested, from the best mean of the metric down.
        apart: whether two of them can be told apart, bool [rows, rows].
        tests: number of pairs that were tested.
        images: whether every test counts the images, too.
    """

    rows: tuple[Combination, ...]
    apart: NDArray[np.bool_]
    tests: int
    images: bool


class Difference(NamedTuple):
    """One row against another.

    Attributes:
        row: a row.
        other: the row that is subtracted.
        estimates: mean difference of the metric over the common seeds, with its errors.
        p: p-value of no difference, by Holm over all pairs of rows of the section.
    """

    row: Combination
    other: Combination
    estimates: Estimates
    p: float


def differences(section: Section, metric: Metric | None = None) -> tuple[Difference, ...]:
    """Every pair of rows by a metric, paired by seed, each pair once; all pairs are one family.

    Rows that are no evidence stay out, and so do rows of one seed.

    Args:
        section: runs made under equal conditions.
        metric: what is compared; by default the headline.
    """
    key = (metric or section.task.headline).key
    rows = _rows(section, key)
    pairs = [
        (pair, difference)
        for pair in combinations(rows, 2)
        if (difference := of_differences(rows[pair[0]], rows[pair[1]], key)) is not None
        and difference.seeds is not None
    ]
    adjusted = holm([two_sided(each) for each in tested(pairs) if each is not None])
    return tuple(
        Difference(*pair, difference, p)
        for (pair, difference), p in zip(pairs, adjusted, strict=True)
    )


def differences_told(section: Section, level: float, metric: Metric | None = None) -> Told:
    """Which pairs of rows differ by a metric.

    Args:
        section: runs made under equal conditions.
        level: share of tables of equal rows in which none is told from another.
        metric: what is compared; by default the headline.
    """
    chosen = metric or section.task.headline
    key, sign = chosen.key, 1 if chosen.better == "lower" else -1
    rows = _rows(section, key)
    means = [sum(run.test(key) for run in runs.values()) / len(runs) for runs in rows.values()]
    order = sorted(range(len(rows)), key=lambda place: sign * means[place])
    names, (told, tests, images) = [*rows], _told(rows, section, chosen, level)
    apart = np.zeros((len(rows), len(rows)), dtype=np.bool_)
    apart[told[0], told[1]] = apart[told[1], told[0]] = True
    return Told(tuple(names[place] for place in order), apart[np.ix_(order, order)], tests, images)


def _told(
    rows: Mapping[Combination, Mapping[int, Run]], section: Section, metric: Metric, level: float
) -> tuple[NDArray[np.intp], int, bool]:
    """The places of rows that are told apart [2, pairs], how many pairs were tested, and whether
    all tests count the images. Rows of several studies are few, and are taken pair by pair.
    """
    if any(run.study for runs in rows.values() for run in runs.values()):
        found = differences(section, metric)
        place = {row: i for i, row in enumerate(rows)}
        told = [(place[each.row], place[each.other]) for each in found if each.p <= 1 - level]
        places = np.array(told, dtype=np.intp).reshape(-1, 2).T
        return places, len(found), all(each.estimates.images for each in found)
    tested = all_pairs([*rows.values()], metric.key)
    adjusted = np.asarray(holm(tested.p.tolist()))
    places = np.stack([tested.first, tested.second])[:, adjusted <= 1 - level]
    return places, len(adjusted), bool(tested.images.all())


def _rows(section: Section, key: str) -> dict[Combination, dict[int, Run]]:
    """The rows that are compared by a metric: their finished runs by seed."""
    return {
        row: found
        for row, runs in section.rows.items()
        if len(found := by_seed(runs, key)) > 1 and not section.no_evidence[row]
    }


def ties(section: Section, level: float) -> Ties | None:
    """The rows indistinguishable from the best by the headline: which row is the best, the same
    runs say, so that all pairs are one family.

    Args:
        section: runs made under equal conditions.
        level: share of tables of equal rows in which none is told from another.

    Returns:
        None where fewer than two rows are left.
    """
    found = differences_told(section, level)
    if len(found.rows) < 2:
        return None
    best, *others = found.rows
    told = found.apart[0, 1:].tolist()
    untold = {row for row, differs in zip(others, told, strict=True) if not differs}
    return Ties(
        best,
        tuple(row for row in section.rows if row in untold),
        sum(told),
        found.tests,
        found.images,
    )


def best_rows(section: Section, metric: Metric, level: float) -> frozenset[Combination]:
    """The rows that are best by a metric: the one of the best mean, and those that cannot be told
    from it; none where no row is told from that one, as a mark on every row says nothing.

    Args:
        section: runs made under equal conditions.
        metric: what is compared.
        level: share of tables of equal rows in which none is told from another.
    """
    if metric.better is None:
        return frozenset()
    found = differences_told(section, level, metric)
    if not found.rows:
        return frozenset()
    told = found.apart[0].tolist()
    if not any(told):
        return frozenset()
    return frozenset(row for row, differs in zip(found.rows, told, strict=True) if not differs)
