"""A plan in a folder whose runs are packed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.factories import component
from tests.grid.conftest import doing
from vsebench.grid.plan import Plan
from vsebench.grid.run import pending, run_plan, run_state
from vsebench.report.rows.runs import read_runs
from vsebench.results.folder.store import Store
from vsebench.results.packs.pack import PackedRun
from vsebench.results.packs.packing import pack, remove_packed

if TYPE_CHECKING:
    from pathlib import Path

    from vsebench.results.spec import RunSpec


def planned(out: Path, *runs: RunSpec) -> Plan:
    return Plan(runs, component("local"), 2, out)


def pack_away(out: Path) -> None:
    """Packs the runs of a folder and leaves nothing else of them."""
    pack(out)
    remove_packed(out, out)
    for path in out.rglob("*/*"):
        if path.is_file() and path.parent.name != ".plan":
            path.unlink()


def test_packed_runs_are_done_and_new_ones_lie_beside(out: Path) -> None:
    old, failed, new = doing("nothing", 0), doing("fail", 1), doing("nothing", 2)
    run_plan(planned(out, old, failed))
    pack_away(out)
    assert [run_state(run) for run in Store(out).runs()] == ["failed", "done"]
    plan = planned(out, old, failed, new)
    assert pending(plan, Store(out)) == [failed, new]
    outcome = run_plan(plan)
    assert outcome.skipped == (old.run_id,)
    assert outcome.failed == (failed.run_id,)
    assert (out / "order.txt").read_text().split().count("0") == 1
    assert [run.record.run_id for run in read_runs(out).ended] == [
        old.run_id,
        failed.run_id,
        new.run_id,
    ]
    assert isinstance(Store(out).find(old.run_id), PackedRun)
    assert Store(out).find(new.run_id).path.is_dir()
    assert not Store(out).find(old.run_id).path.joinpath("record.json").exists()


def test_a_failed_run_that_then_succeeds_takes_the_place_of_the_packed_one(out: Path) -> None:
    flaky = doing("fail", 0)
    run_plan(planned(out, flaky))
    pack_away(out)
    record = Store(out).find(flaky.run_id).read_record()
    directory = Store(out).directory_for(flaky)
    directory.write_spec(flaky)
    assert Store(out).find(flaky.run_id).read_record() == record
    directory.write_record(record.model_copy(update={"status": "done", "test": {"rsum": 1.0}}))
    (run,) = read_runs(out).ended
    assert run.done
    pack(out)
    assert Store(out).find(flaky.run_id).is_done


def test_a_packed_first_round_is_made_again_for_a_run_that_needs_its_model(out: Path) -> None:
    first = doing("nothing", 0)
    run_plan(planned(out, first))
    pack_away(out)
    needy = doing("nothing", 1, needs=first)
    assert pending(planned(out, first), Store(out)) == []
    assert pending(planned(out, first, needy), Store(out)) == [first, needy]
    outcome = run_plan(planned(out, first, needy))
    assert outcome.failed == outcome.blocked == outcome.skipped == ()
    assert [run.done for run in read_runs(out).ended] == [True, True]
    assert Store(out).find_model(first.run_id).is_done


def test_a_packed_first_round_whose_model_lies_in_its_folder_is_not_made_again(out: Path) -> None:
    first = doing("nothing", 0)
    run_plan(planned(out, first))
    Store(out).directory_for(first).write_best({})
    pack(out)
    remove_packed(out, out)
    needy = doing("nothing", 1, needs=first)
    assert pending(planned(out, first, needy), Store(out)) == [needy]
    assert run_plan(planned(out, first, needy)).blocked == ()
    assert (out / "order.txt").read_text().splitlines() == ["triplet 0", "triplet 1"]
