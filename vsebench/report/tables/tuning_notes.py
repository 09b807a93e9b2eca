"""What stands under a table about rows that were tuned one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vsebench.report.wording import name

if TYPE_CHECKING:
    from vsebench.report.rows.sections import Section


def tuning_notes(section: Section) -> list[str]:
    """In how many studies rows were tuned, and which values lie at an end of what was searched."""
    return [*_studies(section), *_edges(section)]


def _studies(section: Section) -> list[str]:
    rows = section.rows.values()
    studies = max(len({run.study for run in runs if run.done}) for runs in rows)
    if studies < 2:
        return []
    note = (
        f"Rows were tuned in {studies} independent studies, each with runs of its own: tuned "
        "values are of each study; means and intervals are over studies and hold tuning's luck."
    )
    return [note]


def _edges(section: Section) -> list[str]:
    found = {
        row: sorted({key for run in runs if run.tuning for key in run.tuning.tuned_at_edge})
        for row, runs in section.rows.items()
    }
    named = "; ".join(f"{name(row)} ({', '.join(keys)})" for row, keys in found.items() if keys)
    note = (
        "Tuned at an edge: the best value lies at an end of the range that was searched, so that a "
        f"wider one may hold better: {named}."
    )
    return [note] if named else []
