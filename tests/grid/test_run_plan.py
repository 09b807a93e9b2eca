"""A plan from its first run to its last: what is skipped, tried again, recorded and
waited for.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest

from tests.factories import component, make_spec
from tests.grid.conftest import doing
from tests.grid.fake_training import wait_until
from vsebench.grid import run as grid_run
from vsebench.grid.job import job_of
from vsebench.grid.plan import Plan
from vsebench.grid.run import run_plan, run_state
from vsebench.plugin import VsebenchError
from vsebench.plugin.others import Others
from vsebench.report.rows.runs import read_runs
from vsebench.results.folder.lease import Lease
from vsebench.results.folder.process import start_time
from vsebench.results.folder.store import Store
from vsebench.results.record import RunRecord

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from vsebench.grid.run import GridOutcome
    from vsebench.results.spec import RunSpec


def planned(out: Path, *runs: RunSpec, support: Sequence[RunSpec] = (), workers: int = 2) -> Plan:
    """A plan of these runs, where those of `support` come first and serve the others."""
    ids = frozenset(run.run_id for run in support)
    return Plan((*support, *runs), component("local"), workers, out, support=ids)


def order(out: Path) -> list[str]:
    return (out / "order.txt").read_text().splitlines()


def test_every_run_is_run_and_the_same_plan_again_skips_them(out: Path):
    runs = [doing("nothing", seed) for seed in (0, 1)]
    first = run_plan(planned(out, *runs))
    again = run_plan(planned(out, *runs))
    assert first.run_ids == again.run_ids == tuple(run.run_id for run in runs)
    assert (first.failed, first.blocked, first.skipped) == ((), (), ())
    assert again.skipped == first.run_ids
    assert sorted(order(out)) == ["triplet 0", "triplet 1"]
    assert Store(out).noted().run_ids == first.run_ids


def test_failed_and_blocked_runs_are_named_and_tried_again(
    out: Path, monkeypatch: pytest.MonkeyPatch
):
    failing = doing("fail", 0)
    dependant, other = doing("nothing", 1, needs=failing), doing("nothing", 2)
    outcome = run_plan(planned(out, failing, dependant, other))
    assert (outcome.failed, outcome.blocked) == ((failing.run_id,), (dependant.run_id,))
    again = run_plan(planned(out, failing, dependant, other))
    assert (again.failed, again.blocked, again.skipped) == (
        (failing.run_id,),
        (dependant.run_id,),
        (other.run_id,),
    )
    assert order(out).count("triplet 0") == 2


def test_a_run_that_died_gets_a_record_from_us(out: Path):
    dead = doing("die", 0)
    dependant = doing("nothing", 1, needs=dead)
    events: list[tuple[str, dict[str, Any]]] = []
    outcome = run_plan(
        planned(out, dead, dependant), reporter=lambda run_id, event: events.append((run_id, event))
    )
    assert (outcome.failed, outcome.blocked) == ((dead.run_id,), (dependant.run_id,))
    record = Store(out).directory_for(dead).read_record()
    assert record is not None
    assert (record.status, record.error) == (
        "failed",
        "its process was ended by SIGKILL, which the system does when memory runs out",
    )
    assert (dead.run_id, {"event": "finished", "status": "failed"}) in events


def test_a_run_that_died_when_others_had_made_it_is_done(out: Path):
    run = doing("outrun")
    outcome = run_plan(planned(out, run))
    assert (outcome.failed, outcome.blocked) == ((), ())
    record = Store(out).directory_for(run).read_record()
    assert record is not None
    assert (record.status, record.test) == ("done", {"rsum": 2.0})


def test_a_support_run_is_run_only_for_runs_that_need_it(out: Path):
    support = doing("nothing", 0)
    row = doing("chatter", 1, needs=support)
    outcome = run_plan(planned(out, row, support=[support]))
    assert outcome.run_ids == (row.run_id,)
    assert Store(out).directory_for(support).is_done
    (Store(out).directory_for(support).path / "done").unlink()
    assert run_plan(planned(out, row, support=[support])).skipped == (support.run_id, row.run_id)
    assert order(out) == ["triplet 0", "triplet 1"]


def shown(out: Path, outcome: GridOutcome | None = None) -> list[str]:
    """The rows of a command's own table, or else those of the folder's."""
    found = read_runs(out, outcome.run_ids if outcome is not None else None)
    return [run.record.run_id for run in found.ended]


def test_a_support_run_that_is_asked_for_later_becomes_a_row(out: Path):
    support = doing("nothing", 0)
    row = doing("nothing", 1, needs=support)
    first = run_plan(planned(out, row, support=[support]))
    assert shown(out, first) == shown(out) == [row.run_id]
    second = run_plan(planned(out, support))
    assert second.skipped == (support.run_id,)
    assert shown(out, second) == [support.run_id]
    assert shown(out) == [support.run_id, row.run_id]
    again = run_plan(planned(out, row, support=[support]))
    assert shown(out, again) == [row.run_id]
    assert shown(out) == [support.run_id, row.run_id]


def test_a_support_run_of_one_command_is_a_row_of_another_that_waits_for_it(
    out: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(grid_run, "POLL_SECONDS", 0.05)
    asked = doing("hold", 0)
    dependant, other = doing("nothing", 1, needs=asked), doing("nothing", 2)
    first = threading.Thread(target=run_plan, args=(planned(out, dependant, support=[asked]),))
    first.start()
    wait_until(lambda: any(out.glob("holding-*")))
    outcome = run_plan(
        planned(out, asked, other),
        reporter=lambda _, event: (out / "go").touch() if event["event"] == "busy" else None,
    )
    first.join()
    assert outcome.run_ids == (asked.run_id, other.run_id)
    assert shown(out, outcome) == [asked.run_id, other.run_id]
    assert shown(out) == [asked.run_id, dependant.run_id, other.run_id]


def test_a_run_that_another_process_holds_is_waited_for(out: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(grid_run, "POLL_SECONDS", 0.05)
    held, dependant = doing("fail", 0), None
    dependant = doing("nothing", 1, needs=held)
    directory = Store(out).directory_for(held)
    lease = Lease.claim(directory.path)
    assert lease is not None
    busy = threading.Event()

    def finish_elsewhere() -> None:
        busy.wait(30)
        directory.write_record(RunRecord(run_id=held.run_id, status="done", spec=held))
        lease.release()

    other = threading.Thread(target=finish_elsewhere)
    other.start()
    outcome = run_plan(
        planned(out, held, dependant),
        reporter=lambda _, event: busy.set() if event["event"] == "busy" else None,
    )
    other.join()
    assert (outcome.failed, outcome.blocked) == ((), ())
    assert Store(out).directory_for(dependant).is_done
    assert order(out) == ["triplet 1"]


def test_waiting_for_a_run_touches_nothing_of_it(out: Path):
    """No lease of ours, however short, and no file swept away that its process is about to
    rename.
    """
    waited_for, free = doing("nothing", 0), doing("nothing", 1)
    paths = {spec.seed: Store(out).directory_for(spec).path for spec in (waited_for, free)}
    lease = Lease.claim(paths[0])
    released = Lease.claim(paths[1])
    assert lease is not None
    assert released is not None
    released.release()
    for path in paths.values():
        (path / ".checkpoint.pt.0.tmp").write_bytes(b"half")
    before = {
        path: [(file.name, file.stat().st_mtime_ns) for file in sorted(path.iterdir())]
        for path in paths.values()
    }
    jobs = [job_of(spec, paths[spec.seed]) for spec in (waited_for, free)]
    assert Others(jobs).states(jobs) == {waited_for.run_id: "held"}
    assert {
        path: [(file.name, file.stat().st_mtime_ns) for file in sorted(path.iterdir())]
        for path in paths.values()
    } == before


def test_a_run_that_removes_its_folder_fails_once_and_says_so(out: Path):
    vanishing, other = doing("vanish", 0), doing("nothing", 1)
    outcome = run_plan(planned(out, vanishing, other))
    assert outcome.failed == (vanishing.run_id,)
    directory = Store(out).directory_for(vanishing)
    record = directory.read_record()
    assert record is not None
    assert record.error is not None
    assert record.error.startswith(f"{directory.path} was removed while the run wrote to it")
    assert order(out).count("triplet 0") == 1
    assert Store(out).directory_for(other).is_done


def test_a_run_that_is_put_off_in_vain_fails_after_a_while(
    out: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(grid_run, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(grid_run, "MOST_PUT_OFF", 3)
    disowned, other = doing("disown", 0), doing("nothing", 1)
    dependant = doing("nothing", 2, needs=disowned)
    outcome = run_plan(planned(out, disowned, dependant, other))
    assert (outcome.failed, outcome.blocked) == ((disowned.run_id,), (dependant.run_id,))
    record = Store(out).directory_for(disowned).read_record()
    assert record is not None
    assert record.error == "it was put off 3 times, and no other process works on it"
    assert order(out).count("triplet 0") == 3


def test_a_log_that_cannot_be_written_is_one_clear_line(out: Path):
    (Store(out).directory_for(doing("nothing")).path / "run.log").mkdir(parents=True)
    with pytest.raises(VsebenchError, match=r"cannot write .*run\.log"):
        run_plan(planned(out, doing("nothing")))


def test_nothing_is_run_where_nothing_can_be_written(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(
        VsebenchError, match=r"cannot write .*/file/out: .*/file is a file; choose another folder"
    ):
        run_plan(planned(tmp_path / "file" / "out", doing("nothing")))
    with pytest.raises(
        VsebenchError, match=r"cannot write .*/file: it is a file; choose another folder"
    ):
        run_plan(planned(tmp_path / "file", doing("nothing")))


def test_the_state_of_a_run(out: Path):
    spec = make_spec()
    directory = Store(out).directory_for(spec)
    assert run_state(directory) == "pending"
    directory.write_spec(spec)
    assert run_state(directory) == "pending"
    directory.checkpoint_path.touch()
    assert run_state(directory) == "interrupted"
    lease = Lease.claim(directory.path)
    assert lease is not None
    assert run_state(directory) == "running"
    lease.release()
    for status in ("failed", "blocked", "done"):
        directory.write_record(RunRecord(run_id=spec.run_id, status=status, spec=spec))
        assert run_state(directory) == status


LOSES = """
from vsebench.plugin import Card, Schedule, execute, hookimpl

class Loses:
    lost = set()

    def execute(self, jobs, report):
        schedule = Schedule(jobs, report)
        while schedule:
            (job,) = schedule.take(1)
            if job.run_id in self.lost:
                execute(job, schedule.hear)
            else:
                self.lost.add(job.run_id)
                schedule.hear((job.run_id, {"event": "busy", "reason": "its machine was lost"}))
            schedule.end(job.run_id, "its machine was lost")

@hookimpl
def vsebench_register_executors(register):
    register("loses", f"{__name__}:Loses", card=Card("loses the machine of every run once"))
"""


def test_runs_whose_machine_was_lost_are_given_again(
    out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(grid_run, "POLL_SECONDS", 0.05)
    plugin = tmp_path / "loses.py"
    plugin.write_text(LOSES)
    first = doing("nothing", 0)
    second = doing("nothing", 1, needs=first)
    plan = Plan((first, second), component("loses"), 1, out, plugin_files=(str(plugin),))
    outcome = run_plan(plan)
    assert (outcome.failed, outcome.blocked) == ((), ())
    assert order(out) == ["triplet 0", "triplet 1"]


COMMAND = """
import sys
from pathlib import Path
from tests.factories import component
from vsebench.grid.plan import Plan
from vsebench.grid.run import run_plan
from vsebench.results.spec import RunSpec
runs = tuple(RunSpec.model_validate_json(line) for line in sys.stdin)
run_plan(Plan(runs, component("local"), 1, Path(sys.argv[1])))
"""


def test_after_a_kill_the_same_plan_does_the_rest(out: Path):
    runs = [doing("nothing", 0), doing("hold", 1), doing("nothing", 2)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        [sys.executable, "-c", COMMAND, str(out)], stdin=subprocess.PIPE, env=environment
    ) as command:
        try:
            assert command.stdin is not None
            command.stdin.write("\n".join(run.model_dump_json() for run in runs).encode())
            command.stdin.close()
            wait_until(lambda: any(out.glob("holding-*")))
        finally:
            command.kill()
    worker = int(next(out.glob("holding-*")).name.partition("-")[2])
    wait_until(lambda: start_time(worker) is None)
    (out / "go").touch()
    outcome = run_plan(planned(out, *runs))
    assert outcome.skipped == (runs[0].run_id,)
    assert (outcome.failed, outcome.blocked) == ((), ())
    assert all(Store(out).directory_for(run).is_done for run in runs)
    assert sorted(order(out)) == ["triplet 0", "triplet 1", "triplet 1", "triplet 2"]


def test_without_models_to_keep_they_go_once_nothing_needs_them(
    out: Path, monkeypatch: pytest.MonkeyPatch
):
    first = doing("nothing", 0)
    second = doing("nothing", 1).model_copy(update={"depends_on": (first.run_id,)})
    paths = [Store(out).directory_for(run).path for run in (first, second)]
    seen: list[list[bool]] = []

    def watch(run_id: str, event: dict[str, Any]) -> None:
        if event["event"] == "finished":
            seen.append([(path / "best.safetensors").exists() for path in paths])
        elif event["event"] == "phase":
            (Store(out).find(run_id).path / "best.safetensors").write_bytes(b"weights")

    plan = Plan((first, second), component("local"), 1, out, keep="none")
    outcome = run_plan(plan, reporter=watch)
    assert (outcome.failed, outcome.blocked) == ((), ())
    assert seen == [[True, False], [False, False]]
    assert all((path / "record.json").exists() for path in paths)
