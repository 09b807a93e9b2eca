"""Which runs of a folder are rows, from what commands asked for."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from vsebench.report.rows.runs import read_runs
from vsebench.results.folder.noted import Noted
from vsebench.results.packs.format import RUNS
from vsebench.results.packs.pack import Pack

RESULTS = Path(__file__).parents[2] / "results"


def folded(plans: list[tuple[list[str], set[str]]]) -> Noted:
    noted = Noted()
    for run_ids, support in plans:
        noted = Noted.parse(noted.after(run_ids, support).text())
    return noted


@pytest.mark.parametrize("seed", range(30))
def test_a_row_is_what_some_command_asked_for(seed: int):
    """Against the whole history, of which the note keeps two lists."""
    draw = random.Random(seed)
    plans = []
    for _ in range(draw.randint(1, 6)):
        run_ids = draw.sample("abcdefg", draw.randint(1, 7))
        plans.append((run_ids, set(draw.sample(run_ids, draw.randint(0, len(run_ids))))))
    noted = folded(plans)
    asked = {run_id for run_ids, support in plans for run_id in set(run_ids) - support}
    seen: list[str] = []
    for run_ids, _ in plans:
        seen += [run_id for run_id in run_ids if run_id not in seen]
    assert list(noted.run_ids) == seen
    assert noted.rows(seen) == asked
    assert noted.rows(seen[:2]) == asked & set(seen[:2])


def test_a_plan_that_was_noted_changes_nothing():
    noted = folded([(["s", "r"], {"s"}), (["s", "t"], set())])
    for plan in ((["s", "r"], {"s"}), (["s", "t"], set()), (["t"], set())):
        assert noted.after(*plan) == noted


def test_rows_are_all_that_is_held_where_nothing_is_noted():
    assert Noted().rows(["a", "b"]) == {"a", "b"}


def test_rows_that_an_older_release_noted_stay_rows():
    older = Noted.parse('{"run_ids": ["s", "r"]}')
    assert older.rows(["s", "r"]) == {"s", "r"}
    newer = older.after(["s", "t", "u"], {"s", "t"})
    assert newer.rows(["s", "r", "t", "u"]) == {"s", "r", "u"}


def test_a_folder_put_together_by_hand_hides_nothing():
    """Of the folder that a run was copied from, nothing is known, whichever note was kept."""
    noted = folded([(["s", "r"], {"s"})])
    assert noted.rows(["s", "r"]) == {"r"}
    assert noted.rows(["s", "r", "copied"]) == {"s", "r", "copied"}


def test_without_support_runs_the_file_is_what_it_was():
    assert folded([(["a", "b"], set())]).text() == '{\n "run_ids": [\n  "a",\n  "b"\n ]\n}\n'
    assert json.loads(folded([(["s", "r"], {"s"})]).text()) == {
        "run_ids": ["s", "r"],
        "support": ["s"],
    }


@pytest.mark.parametrize("path", sorted(RESULTS.rglob(RUNS)), ids=str)
def test_committed_notes_hide_only_what_other_runs_needed(path: Path):
    packed = Pack(path.parent)
    noted = packed.noted
    assert noted.text().encode() == packed.plan
    needed = {r for run in read_runs(path.parent).ended for r in run.record.spec.depends_on}
    assert set(noted.run_ids) - noted.rows(noted.run_ids) <= needed
