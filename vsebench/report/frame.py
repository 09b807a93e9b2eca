"""Rows as a pandas frame; missing values are `<NA>`, never NaN, and whole numbers stay whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vsebench.results.row_keys import COUNTS, IDENTITY, NO_EVIDENCE

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from vsebench.report.rows import Block

_WHOLE = (*COUNTS, "parameters", "concurrency")


def to_frame(blocks: Sequence[Block]) -> pd.DataFrame:
    """One line per row, one column per key, in the order of the JSON; reasons of `no_evidence` are
    joined by semicolons.
    """
    import pandas as pd

    rows = [
        entry.row | {NO_EVIDENCE: "; ".join(reason.name for reason in entry.no_evidence)}
        for block in blocks
        for entry in block.entries
    ]
    keys = list(dict.fromkeys(key for row in rows for key in row))
    return pd.DataFrame(rows, columns=keys, dtype=object).astype({key: _dtype(key) for key in keys})


def leaderboard(blocks: Sequence[Block]) -> pd.DataFrame:
    """The rows of each data set from the largest RSUM, or MAP, down, with a first column `rank`;
    equal sums share a rank, rows without a result have none.

    The order is that of the means: whether a difference is more than chance, the intervals tell,
    and whether a row is evidence at all, the column `no_evidence`.
    """
    import pandas as pd

    parts = []
    for block in blocks:
        frame = to_frame([block])
        frame.insert(
            0,
            "rank",
            frame[block.section.task.headline.key]
            .rank(method="min", ascending=False)
            .astype("Int64"),
        )
        parts.append(frame.sort_values("rank", kind="stable", na_position="last"))
    return pd.concat(parts, ignore_index=True)


def _dtype(key: str) -> str:
    if key in (*IDENTITY, NO_EVIDENCE):
        return "string"
    return "Int64" if key in _WHOLE else "Float64"
