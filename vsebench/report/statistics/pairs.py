"""All pairs of a table's rows, tested at once.

`estimates` takes one difference of two rows; four hundred rows have eighty thousand. What is common
to the pairs of a row is computed once here, and what is not, for all pairs of a row together.
"""

from __future__ import annotations

from itertools import combinations_with_replacement
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from vsebench.report.rows.runs import on_same_images_by_row
from vsebench.report.statistics.estimates import ROWS
from vsebench.report.statistics.moderation import moderated_all

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from vsebench.report.rows.runs import Run

    Floats = NDArray[np.float64]
    Places = NDArray[np.intp]

_NEAR = 1e-3
"""A squared distance, as a share of the sum of both squared lengths, below which rounding tells."""


class Pairs(NamedTuple):
    """Tests of every pair of rows with at least two common seeds.

    Attributes:
        first: place of a row, intp [pairs].
        second: place of a later row, intp [pairs].
        p: p-value of no difference, two-sided, float64 [pairs].
        images: whether each test counts the images, bool [pairs].
    """

    first: Places
    second: Places
    p: Floats
    images: NDArray[np.bool_]


class _Group(NamedTuple):
    """Rows of the same seeds, and of as many images each; none where these are not known."""

    places: Places
    seeds: tuple[int, ...]
    values: Floats  # [rows, seeds]
    tables: Floats | None  # [rows, seeds, images]


class _Part(NamedTuple):
    """Differences of the rows of two groups, each [pairs]."""

    first: Places
    second: Places
    mean: Floats
    seeds: int
    images: int  # 0 where they are not known
    variance: Floats  # of the mean, over seeds
    by_seed: Floats
    by_image: Floats
    rest: Floats


def all_pairs(rows: Sequence[Mapping[int, Run]], key: str) -> Pairs:
    """Tests every pair of rows that were not tuned in several studies, as `estimates.tested` does.

    Args:
        rows: finished runs by seed, with the metric.
        key: key of the metric.
    """
    groups = list(_groups(rows, key))
    parts = [
        part
        for one, other in combinations_with_replacement(groups, 2)
        if (part := _part(one, other)) is not None
    ]
    if not parts:
        nowhere = np.zeros(0, dtype=np.intp)
        return Pairs(nowhere, nowhere, np.zeros(0), np.zeros(0, dtype=bool))
    first, second = (np.concatenate([part[i] for part in parts]) for i in (0, 1))
    images = np.concatenate([np.full(len(part.first), part.images > 0) for part in parts])
    mean, error, df = _errors(parts, first, second, images)
    return Pairs(first, second, _two_sided(mean, error, df), images)


def _groups(rows: Sequence[Mapping[int, Run]], key: str) -> Iterator[_Group]:
    found: dict[tuple[tuple[int, ...], int], tuple[list[int], list[Floats]]] = {}
    by_seed = [tuple(sorted(row)) for row in rows]
    runs = [[row[seed] for seed in seeds] for row, seeds in zip(rows, by_seed, strict=True)]
    known = on_same_images_by_row(runs, key)
    for place, (seeds, table) in enumerate(zip(by_seed, known, strict=True)):
        images = 0 if table is None or table.shape[1] < 2 else table.shape[1]
        places, tables = found.setdefault((seeds, images), ([], []))
        places.append(place)
        if table is not None and images:
            tables.append(table)
    for (seeds, _), (places, tables) in found.items():
        values = [[rows[place][seed].test(key) for seed in seeds] for place in places]
        yield _Group(
            np.array(places), seeds, np.array(values), np.stack(tables) if tables else None
        )


def _part(one: _Group, other: _Group) -> _Part | None:
    """The differences between two groups, or within one; None without two common seeds."""
    common = sorted(set(one.seeds) & set(other.seeds))
    if len(common) < 2 or (one is other and len(one.places) < 2):
        return None
    ours, theirs = (_of_seeds(group, common) for group in (one, other))
    within = one is other
    pairs = (
        np.triu_indices(len(one.places), 1)
        if within
        else tuple(grid.ravel() for grid in np.indices((len(one.places), len(other.places))))
    )
    i, j = pairs
    lower = one.places[i] < other.places[j]
    first = np.where(lower, one.places[i], other.places[j])
    second = np.where(lower, other.places[j], one.places[i])
    values = ours.values[i] - theirs.values[j]
    mean = values.mean(axis=1)
    variance = values.var(axis=1, ddof=1) / len(common)
    known = (
        ours.tables is not None
        and theirs.tables is not None
        and ours.tables.shape[2] == theirs.tables.shape[2]
    )
    zero = np.zeros(len(i))
    if not known:
        return _Part(first, second, mean, len(common), 0, variance, zero, zero, zero)
    assert ours.tables is not None
    assert theirs.tables is not None
    return _Part(
        first,
        second,
        mean,
        len(common),
        ours.tables.shape[2],
        variance,
        *_mean_squares(ours.tables, theirs.tables, i, j),
    )


def _of_seeds(group: _Group, seeds: Sequence[int]) -> _Group:
    if list(group.seeds) == list(seeds):
        return group
    chosen = [group.seeds.index(seed) for seed in seeds]
    tables = None if group.tables is None else group.tables[:, chosen]
    return group._replace(seeds=tuple(seeds), values=group.values[:, chosen], tables=tables)


def _mean_squares(
    ours: Floats, theirs: Floats, i: Places, j: Places
) -> tuple[Floats, Floats, Floats]:
    """Mean squares of the differences by seed, by image and of the rest, each [pairs]: a difference
    of tables has the differences of their means and of what these leave.
    """
    _, seeds, images = ours.shape
    our_seeds, our_images, our_rest = parted = _parted(ours)
    their_seeds, their_images, their_rest = parted if theirs is ours else _parted(theirs)
    by_seed = images * ((our_seeds[i] - their_seeds[j]) ** 2).sum(axis=1) / (seeds - 1)
    by_image = seeds * _distances(our_images, their_images, i, j) / (images - 1)
    rest = _distances(our_rest, their_rest, i, j) / ((seeds - 1) * (images - 1))
    return by_seed, by_image, rest


def _parted(tables: Floats) -> tuple[Floats, Floats, Floats]:
    """What of each table [rows, seeds, images] is its seeds' [rows, seeds], its images' [rows,
    images], and the rest's [rows, seeds · images], around its mean.
    """
    mean = tables.mean(axis=(1, 2), keepdims=True)
    of_images = tables.mean(axis=1, keepdims=True) - mean
    rest = tables - tables[:, :1]  # equal seeds then leave exactly nothing
    of_seeds = rest.mean(axis=2, keepdims=True) - rest.mean(axis=(1, 2), keepdims=True)
    rest -= rest.mean(axis=1, keepdims=True)
    rest -= of_seeds
    return of_seeds[:, :, 0], of_images[:, 0], rest.reshape(len(tables), -1)


def _distances(ours: Floats, theirs: Floats, i: Places, j: Places) -> Floats:
    """Squared distances of pairs of rows, from products of matrices; of rows that are nearly alike,
    of which these leave little but rounding, from their differences.

    Args:
        ours: float64 [rows, n].
        theirs: float64 [others, n].
        i: places of rows, intp [pairs].
        j: places of others, intp [pairs].

    Returns:
        float64 [pairs].
    """
    own, other = (np.einsum("ij,ij->i", rows, rows) for rows in (ours, theirs))
    both = own[i] + other[j]
    found: Floats = both - 2 * (ours @ theirs.T)[i, j]
    near = np.flatnonzero(found <= _NEAR * both)
    for start in range(0, len(near), ROWS):
        pairs = near[start : start + ROWS]
        found[pairs] = ((theirs[j[pairs]] - ours[i[pairs]]) ** 2).sum(axis=1)
    return found


def _errors(
    parts: Sequence[_Part], first: Places, second: Places, images: NDArray[np.bool_]
) -> tuple[Floats, Floats, Floats]:
    """Mean, error and degrees of freedom of each pair."""
    columns = [
        np.concatenate([np.broadcast_to(np.asarray(part[i]), len(part.first)) for part in parts])
        for i in range(2, len(_Part._fields))
    ]
    mean, seeds, sizes, variance, by_seed, by_image, rest = columns
    error, df = np.sqrt(variance), (seeds - 1).astype(np.float64)
    if images.any():
        rows = len(np.unique([first[images], second[images]]))
        family = np.stack([mean, seeds, sizes, by_seed, by_image, rest])
        error[images], df[images] = moderated_all(family[:, images], rows)
    return mean, error, df


def _two_sided(mean: Floats, error: Floats, df: Floats) -> Floats:
    """As `means.two_sided`, of each pair."""
    from scipy.special import stdtr

    known = error > 0
    p = np.where(mean == 0, 1.0, 0.0)
    p[known] = np.minimum(1.0, 2 * stdtr(df[known], -np.abs(mean[known]) / error[known]))
    return p
