"""Which runs of a plan are left to do."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from tests.factories import component, make_spec
from vsebench.grid import run as grid_run
from vsebench.grid.plan import Plan
from vsebench.grid.run import pending
from vsebench.results.folder.store import Store

if TYPE_CHECKING:
    from pathlib import Path

    from vsebench.results.spec import RunSpec


def slowly(plan: Plan, done: set[str], whole: set[str]) -> list[str]:
    """From the last run to the first, so that whatever needs a run comes before it."""
    needed: set[str] = set()
    left = []
    for run in reversed(plan.runs):
        asked = run.run_id not in plan.support or run.run_id in needed
        if asked and run.run_id not in (whole if run.run_id in needed else done):
            left.append(run.run_id)
            needed.update(run.depends_on)
    return left[::-1]


@pytest.mark.parametrize("seed", range(30))
def test_what_is_left_is_what_a_look_at_one_after_the_other_finds(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Runs that are done and have lost their model are left while a run that needs it is."""
    draw = random.Random(seed)
    runs: list[RunSpec] = []
    for number in range(20):
        needs = draw.sample([run.run_id for run in runs], min(number, draw.randrange(3)))
        runs.append(make_spec(seed=number, depends_on=tuple(needs)))
    ids = [run.run_id for run in runs]
    support, done, whole = (
        {run_id for run_id in ids if draw.random() < share} for share in (0.4, 0.7, 0.6)
    )
    plan = Plan(tuple(runs), component("local"), 1, tmp_path, support=frozenset(support))

    def is_done(_: Store, needed: set[str], run: RunSpec) -> bool:
        return run.run_id in (whole & done if run.run_id in needed else done)

    monkeypatch.setattr(Store, "knows", lambda *_: True)
    monkeypatch.setattr(grid_run, "_is_done", is_done)
    found = [run.run_id for run in pending(plan, Store(tmp_path))]
    assert found == slowly(plan, done, whole & done)


def test_of_a_folder_that_holds_nothing_nothing_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = tuple(make_spec(seed=seed) for seed in range(3))
    plan = Plan(runs, component("local"), 1, tmp_path)
    monkeypatch.setattr("vsebench.results.folder.directory.RunDirectory.holds", None)
    assert pending(plan, Store(tmp_path)) == list(runs)
