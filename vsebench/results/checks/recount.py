"""Test metrics counted again from what a run left of every query."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from vsebench.results.reader import PER_IMAGE, RANKS
from vsebench.results.tasks import task_of

if TYPE_CHECKING:
    from vsebench.results.reader import RunReader
    from vsebench.results.record import RunRecord

_ROUNDING = 1e-9


def recount(run: RunReader, record: RunRecord) -> dict[str, float] | None:
    """The test metrics by what the run left of every query; None where it left nothing."""
    retest = task_of(record.spec).load_retester()
    return None if retest is None else retest(run)


def contradiction(run: RunReader, record: RunRecord) -> tuple[str, str] | None:
    """A test metric that does not follow from what the run left of every query.

    Returns:
        The name of the file and what is wrong, in words; None where nothing is, or nothing of its
        queries was left.

    Raises:
        VsebenchError: a file is damaged.
    """
    for key, value in (recount(run, record) or {}).items():
        if not math.isclose(value, record.test.get(key, math.nan), abs_tol=_ROUNDING):
            file = RANKS if run.holds(RANKS) else PER_IMAGE
            return file, f"it gives a test {key} of {value}, the record has {record.test.get(key)}"
    return None
