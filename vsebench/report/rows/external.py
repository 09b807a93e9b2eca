"""External rows: read from several places, and in tables marked, below the rows that were trained
here, compared with none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vsebench.report.wording import count
from vsebench.results.external import read_external

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from vsebench.report.rows.sections import Section
    from vsebench.results.external import ExternalRow

MARK = "§"
"""Stands behind the name of an external row."""

EXTERNAL = "external"
"""Column of frames that says which rows are external; absent where none is."""


def external_of(places: Iterable[Path]) -> tuple[ExternalRow, ...]:
    """The external rows of several places, each once.

    Raises:
        VsebenchError: as of `read_external`.
    """
    rows = (row for place in places if place.is_dir() for row in read_external(place))
    return tuple({row.row_id: row for row in rows}.values())


def of_section(section: Section, rows: Sequence[ExternalRow]) -> tuple[ExternalRow, ...]:
    """The external rows that were measured on a section's data, with its metrics."""
    first = section.runs[0].record
    return tuple(
        row
        for row in rows
        if (row.task, row.data_fingerprint, row.metric_version)
        == (section.task.name, first.spec.data_fingerprint, first.metric_version)
    )


def as_row(section: Section, row: ExternalRow) -> dict[str, str | float | bool]:
    """What is known of an external row by the keys of result rows, its name in the column that
    sections compare, and `external`, which tells it from the rows that were trained here.
    """
    return {
        "dataset": section.dataset,
        "task": row.task,
        "data_fingerprint": row.data_fingerprint,
        "metric_version": row.metric_version,
        section.task.compared: row.name,
        **row.test,
        EXTERNAL: True,
    }


def external_note(rows: Sequence[ExternalRow]) -> str:
    """What the marked rows of a block are."""
    each = "; ".join(
        f"{row.name}: {row.scored}, "
        + ", ".join(f"{file.name} {file.sha256[:12]}" for file in row.files.values())
        + f", added {row.added[:10]}"
        for row in rows
    )
    return (
        f"{MARK} External: vsebench measured what was made elsewhere, under no protocol of this "
        f"table, and compares it with no row. {each}."
    )


def elsewhere_note(rows: Sequence[ExternalRow]) -> str:
    """Says which external rows are in no block."""
    named = ", ".join(dict.fromkeys(f"{row.name} ({row.dataset})" for row in rows))
    return (
        f"Not in the table, of other data or another metric version: "
        f"{count(len(rows), 'external row')}, {named}."
    )
