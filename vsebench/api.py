"""What Python calls to run a suite: the grid and the report together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vsebench.grid.run import run_suite
from vsebench.grid.suite import Suite, load_suite
from vsebench.report.results import results_of

if TYPE_CHECKING:
    from pathlib import Path

    from vsebench.report.results import Results


def run(suite: Suite | Path | str) -> Results:
    """Runs a suite, or the suite in a TOML file, and returns its results. Failed runs are counted
    in the rows' `failed_seeds`.

    Raises:
        VsebenchError: the suite or its data are not as they must be.
    """
    outcome = run_suite(suite if isinstance(suite, Suite) else load_suite(suite))
    return results_of(outcome.out, outcome.run_ids)
