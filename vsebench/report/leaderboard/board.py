"""A leaderboard: the rows of a block from the best down, with the groups that cannot be told
apart.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from vsebench.report.rows.combinations import make_block
from vsebench.report.rows.runs import grouped
from vsebench.report.rows.sections import split, told_by_name
from vsebench.report.rows.variants import held_equal, with_untuned
from vsebench.report.statistics.means import LEVEL
from vsebench.report.statistics.ties import differences_told

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from numpy.typing import NDArray

    from vsebench.report.rows.combinations import Block, Entry
    from vsebench.report.rows.runs import Run
    from vsebench.results.external import ExternalRow

Combination = tuple[str, str]


@dataclass(frozen=True)
class Standing:
    """A row of a leaderboard.

    Attributes:
        entry: the row.
        rank: its place by the mean of the headline, from 1; None where it is no evidence or has no
            result.
        groups: letters of the groups of rows that it cannot be told from; empty where it was not
            tested.
        providers: distribution with release of each component that the row names.
    """

    entry: Entry
    rank: int | None
    groups: str
    providers: tuple[str, ...]


@dataclass(frozen=True)
class Board:
    """Rows that were made under equal conditions.

    Attributes:
        block: their block, its rows and their runs from the best row down.
        standings: its rows, in that order.
    """

    block: Block
    standings: tuple[Standing, ...]


def boards(
    runs: Sequence[Run],
    external: Sequence[ExternalRow] = (),
    *,
    allow_mixed: bool = False,
    level: float = LEVEL,
) -> tuple[Board, ...]:
    """One board for each data set, protocol and metric version.

    Args:
        runs: runs from anywhere, each once.
        external: external rows, which stand on the boards of their data and have no rank.
        allow_mixed: give rows that differ in what must be equal beyond that (device, data, a
            component held equal) boards of their own, instead of refusing them.
        level: level of the intervals and of the tests.

    Raises:
        VsebenchError: rows differ in what must be equal.
    """
    sections = [
        section
        for group in with_untuned([*grouped(runs, _key).values()], _key)
        for section in split(group, allow_mixed=allow_mixed)
    ]
    return tuple(
        _board(make_block(section, None, level, external)) for section in told_by_name(sections)
    )


def _key(run: Run, tuned: Collection[str] = ()) -> object:
    """What a board is of, were certain keys tuned for the run, too; a protocol by its settings, its
    name is only how it began.
    """
    spec, keys = run.record.spec, {*held_equal(run), *tuned}
    changes = {key: value for key, value in spec.protocol_changes.items() if key not in keys}
    return (
        spec.dataset.spec,
        spec.set_apart,
        spec.protocol.name,
        tuple(sorted((key, str(value)) for key, value in changes.items())),
        tuple(sorted(keys)),
        spec.claims,
        run.record.metric_version,
    )


def _board(block: Block) -> Board:
    key, section = block.section.task.headline.key, block.section
    told = differences_told(section, block.level)
    letters = groups_of(told.rows, told.apart)

    def mean(entry: Entry) -> float:
        value = entry.row[key]
        return float(value) if isinstance(value, (int, float)) else -math.inf

    rows = sorted(
        zip(section.rows.items(), block.entries, strict=True),
        key=lambda row: (bool(row[1].no_evidence), -mean(row[1])),
    )
    standings, rank = [], 0
    for (combination, runs), entry in rows:
        counts = not entry.no_evidence and mean(entry) > -math.inf
        rank += counts
        standings.append(
            Standing(
                entry, rank if counts else None, letters.get(combination, ""), _providers(runs[0])
            )
        )
    ordered = tuple(run for (_, runs), _ in rows for run in runs)
    entries = tuple(entry for _, entry in rows)
    return Board(
        replace(block, section=replace(section, runs=ordered), entries=entries), tuple(standings)
    )


def _providers(run: Run) -> tuple[str, ...]:
    """Of the components that rows compare; those held equal are named under the board."""
    found = {}
    for slot, ref in run.record.spec.components():
        if not slot.held_equal and slot.kind != "dataset":
            release = f" {ref.distribution_version}" if ref.distribution_version else ""
            found[ref.name] = f"{ref.name}: {ref.distribution}{release}"
    return tuple(found.values())


def groups_of(rows: Sequence[Combination], told: NDArray[np.bool_]) -> dict[Combination, str]:
    """Letters such that two rows share one exactly where they cannot be told apart.

    Args:
        rows: rows from the best down.
        told: whether two of them differ, bool [rows, rows].

    References:
        Piepho, Journal of Computational and Graphical Statistics 13 (2004).
    """
    groups = sorted(map(_places, _largest([~row for row in told])))
    names = [_letter(i) for i in range(len(groups))]
    return {
        row: " ".join(name for name, group in zip(names, groups, strict=True) if place in group)
        for place, row in enumerate(rows)
    }


def _largest(alike: Sequence[NDArray[np.bool_]]) -> Iterator[int]:
    """The sets of rows, bit by bit, of which all are alike and to which none can be added.

    Args:
        alike: the rows that are like a row, itself included, bool [rows], by row.

    References:
        Bron and Kerbosch, Communications of the ACM 16 (1973), with pivots.
    """
    of = [sum(1 << int(other) for other in np.flatnonzero(row)) for row in alike]
    left = [(0, (1 << len(of)) - 1, 0)] if of else []
    while left:
        group, candidates, done = left.pop()
        if not candidates:
            if not done:
                yield group
            continue
        pivot = max(_places(candidates | done), key=lambda row: (of[row] & candidates).bit_count())
        for row in _places(candidates & (~of[pivot] | 1 << pivot)):
            others = of[row] & ~(1 << row)
            left.append((group | 1 << row, candidates & others, done & others))
            candidates &= ~(1 << row)
            done |= 1 << row


def _places(bits: int) -> list[int]:
    """The rows of a set, in order."""
    return [place for place in range(bits.bit_length()) if bits >> place & 1]


def _letter(index: int) -> str:
    """The name of a group: a to z, aa, ab and so on."""
    text = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        text = chr(ord("a") + rest) + text
    return text
