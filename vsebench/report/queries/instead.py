"""What models retrieved for hard queries, as far as their runs keep it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from vsebench.results.reader import RANKS, RETRIEVED

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from numpy.typing import NDArray

    from vsebench.report.comparison.verdicts import Combination
    from vsebench.report.rows.runs import Run
    from vsebench.report.rows.sections import Section

Query = tuple[str, int]
"""`i2t` and an image, or `t2i` and a caption."""


class Instead(NamedTuple):
    """What one model retrieved for a query.

    Attributes:
        row: its row.
        seed: its seed.
        rank: rank of the first right item, from 1.
        top: the items at the top of its ranking, best first: captions for an image, images for a
            caption.
    """

    row: Combination
    seed: int
    rank: int
    top: tuple[int, ...]


def instead(section: Section, queries: Collection[Query]) -> dict[Query, Instead]:
    """What was retrieved for queries, of each by the first row and seed whose run keeps it; a run
    keeps that of the queries that it answers worst.

    Args:
        section: runs made under equal conditions, rows from the best down.
        queries: queries that are asked for.

    Raises:
        VsebenchError: what a run left is damaged.
    """
    found: dict[Query, Instead] = {}
    for row, run in _runs(section):
        missing = [query for query in queries if query not in found]
        if not missing or run.reader is None:
            continue
        kept, ranks = run.reader.read_arrays(RETRIEVED), run.reader.read_arrays(RANKS)
        for kind, index in missing:
            top = _top(kept, kind, index)
            if top and kind in ranks:
                items = len(ranks["t2i" if kind == "i2t" else "i2t"])
                if max(top) >= items:
                    why = ValueError(f"it names item {max(top)} of {items}")
                    raise run.reader.damaged(RETRIEVED, why)
                rank = int(ranks[kind][index]) + 1
                found[kind, index] = Instead(row, run.record.spec.seed, rank, top)
    return found


def _runs(section: Section) -> Iterator[tuple[Combination, Run]]:
    for row, runs in section.rows.items():
        for run in sorted(runs, key=lambda each: each.record.spec.seed):
            if run.done:
                yield row, run


def _top(kept: Mapping[str, NDArray[Any]], kind: str, index: int) -> tuple[int, ...]:
    if kind not in kept:
        return ()
    rows = kept[f"{kind}_top"][kept[kind] == index]
    return tuple(int(item) for row in rows for item in row if item >= 0)
