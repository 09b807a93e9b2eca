"""The table of trials."""

from __future__ import annotations

import csv
import io
from types import SimpleNamespace as Some
from typing import Any

from vsebench.grid.tuning.written import trials_csv


def test_no_cell_of_the_trials_is_run_by_a_spreadsheet() -> None:
    cell = Some(dataset="=x", pooling="+a", similarity=None, sampler=None, loss="@SUM(1)")
    contest = Some(cell=cell, points=[{"lr": 1.0, "=key": "b"}], study="-s")
    wanted: Any = Some(
        contests=[contest],
        keys=("lr", "=key"),
        rows=Some(task=Some(headline=Some(key="rsum"))),
        options=Some(target=None),
        rungs=[Some(share=1.0)],
    )
    trial: Any = Some(
        contest=contest,
        place=0,
        rung=0,
        point={"lr": -0.5, "=key": "b"},
        result=Some(quality=-3.5, arrival=None),
        seconds=1.0,
        runs=[Some(run_id="a1")],
    )
    (row,) = csv.DictReader(io.StringIO(trials_csv(wanted, [trial])))
    texts = [row[name] for name in ("dataset", "pooling", "loss", "study")]
    assert texts == ["'=x", "'+a", "'@SUM(1)", "'-s"]
    assert (row["lr"], row["dev_rsum"], row["'=key"]) == ("-0.5", "-3.5", "b")
