"""What is begun, left and resumed where other commands work in the same folder."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.plugin.jobs import BUSY, DONE, Told, job, taken
from vsebench.plugin import Job, Schedule, others
from vsebench.results.folder.lease import EXPIRY_SECONDS, Lease

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


def test_what_another_command_has_begun_since_is_left_to_it(tmp_path: Path) -> None:
    """And what needs it with it; neither has had a process."""
    told = Told()
    jobs = [
        replace(job(name, *needs), directory=tmp_path / name)
        for name, *needs in ("a", "b", ("c", "b"), "d", "e")
    ]
    (tmp_path / "a").mkdir()  # begun before, and to be resumed
    schedule = Schedule(jobs, told)
    for name in "be":
        (tmp_path / name).mkdir()
    assert taken(schedule, 1) == ["a"]
    assert taken(schedule, 1) == ["d"]
    assert taken(schedule, 1) == []
    assert {name: told.kinds(name) for name in "bce"} == {name: ["busy"] for name in "bce"}
    for name in "ad":
        schedule.hear((name, DONE))
        schedule.end(name, "ended")
    assert not schedule


@pytest.mark.parametrize("most", [1, 3, None])
def test_what_is_left_is_begun_where_nothing_else_runs(tmp_path: Path, most: int | None) -> None:
    """Executors wait for something as long as a job is left."""
    jobs = [replace(job(name), directory=tmp_path / name) for name in "abc"]
    schedule = Schedule(jobs, Told())
    for name in "abc":
        (tmp_path / name).mkdir()
    assert taken(schedule, most) == ["c"]
    schedule.hear(("c", BUSY))
    schedule.end("c", "ended")
    assert not schedule


@pytest.fixture
def always_looking(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the jobs of others, whenever a job may start."""
    monkeypatch.setattr(others, "EXPIRY_SECONDS", 0.0)


def claimed(folder: Path) -> Lease:
    lease = Lease.claim(folder)
    assert lease is not None
    return lease


def end_one(schedule: Schedule, run_id: str) -> None:
    schedule.hear((run_id, DONE))
    schedule.end(run_id, "ended")


@pytest.mark.usefixtures("always_looking")
def test_what_another_command_leaves_is_resumed_before_any_other_job(tmp_path: Path) -> None:
    """And what needs it follows."""
    told = Told()
    jobs = [
        replace(job(name, *needs), directory=tmp_path / name)
        for name, *needs in ("a", "b", ("c", "b"), "d", "e")
    ]
    schedule = Schedule(jobs, told)
    lease = claimed(tmp_path / "b")
    assert taken(schedule, 2) == ["a", "d"]
    lease.release()
    end_one(schedule, "a")
    assert taken(schedule, 1) == ["b"]
    end_one(schedule, "b")
    assert taken(schedule) == ["c", "e"]
    assert told.kinds("b") == ["busy", "started", "finished"]
    assert told.kinds("c") == ["busy", "started"]


@pytest.mark.usefixtures("always_looking")
def test_what_was_held_at_the_start_is_resumed_once_it_is_left(tmp_path: Path) -> None:
    jobs = [replace(job(name), directory=tmp_path / name) for name in "abc"]
    lease = claimed(tmp_path / "a")
    schedule = Schedule(jobs, Told())
    assert taken(schedule, 1) == ["b"]
    lease.release()
    assert taken(schedule, 1) == ["a"]


def test_with_nothing_to_start_a_folder_is_not_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Executors ask after every event, and events are many."""
    listed: list[Path] = []
    names = others._names
    monkeypatch.setattr(others, "_names", lambda folder: listed.append(folder) or names(folder))
    schedule = Schedule([replace(job("a"), directory=tmp_path / "a")], Told())
    assert taken(schedule, 4) == ["a"]
    before = len(listed)
    assert taken(schedule, 4) == []
    assert len(listed) == before


@pytest.mark.usefixtures("always_looking")
def test_what_needs_a_job_starts_when_another_command_has_ended_that(tmp_path: Path) -> None:
    told = Told()
    jobs = [
        replace(job(name, *needs), directory=tmp_path / name)
        for name, *needs in (("c", "a", "b"), "a", "b", "d")
    ]
    schedule = Schedule(jobs, told)
    leases = [claimed(tmp_path / name) for name in "ab"]
    assert taken(schedule, 1) == ["d"]
    for name, lease in zip("ab", leases, strict=True):
        assert taken(schedule) == []
        for file in ("record.json", "done"):
            (tmp_path / name / file).touch()
        lease.release()
    assert taken(schedule) == ["c"]
    assert told.kinds("a") == told.kinds("b") == ["busy", "finished"]


@pytest.mark.usefixtures("always_looking")
def test_what_needs_a_job_of_others_is_watched_with_it_from_the_first_look_on(
    tmp_path: Path,
) -> None:
    """Whether they have ended it by then, or are at it; what they have not begun is free."""
    told = Told()
    jobs = [
        replace(job(name, *needs), directory=tmp_path / name)
        for name, *needs in ("a", ("b", "a"), ("c", "b"), ("d", "a"), ("e", "a"), "f", "g")
    ]
    schedule = Schedule(jobs, told)
    leases = {"a": claimed(tmp_path / "a")}
    assert taken(schedule, 1) == ["f"]
    leases |= {name: claimed(tmp_path / name) for name in "bcd"}
    for name in "abd":
        for file in ("record.json", "done"):
            (tmp_path / name / file).touch()
        leases[name].release()
    assert taken(schedule, 1) == ["e"]
    for name in "abd":
        assert told.kinds(name) == ["busy", "finished"]
    assert told.kinds("c") == ["busy"]
    leases["c"].release()
    assert taken(schedule) == ["c", "g"]
    assert told.kinds("c") == ["busy", "started"]


@pytest.mark.usefixtures("always_looking")
def test_what_a_third_command_resumes_first_is_left_to_it(tmp_path: Path) -> None:
    told = Told()
    jobs = [replace(job(name), directory=tmp_path / name) for name in "abcde"]
    schedule = Schedule(jobs, told)
    leases = [claimed(tmp_path / name) for name in "ab"]
    assert taken(schedule, 1) == ["c"]
    for lease in leases:
        lease.release()
    end_one(schedule, "c")
    assert taken(schedule, 1) == ["b"]
    third = claimed(tmp_path / "a")
    assert taken(schedule, 1) == ["d"]
    third.release()
    assert taken(schedule) == ["a", "e"]
    assert told.kinds("a") == ["busy", "busy", "started"]


@pytest.mark.usefixtures("always_looking")
def test_a_busy_job_is_taken_again_when_it_is_free(tmp_path: Path) -> None:
    jobs = [replace(job(name), directory=tmp_path / name) for name in "ab"]
    schedule = Schedule(jobs, Told())
    assert taken(schedule, 1) == ["a"]
    lease = claimed(tmp_path / "a")
    schedule.hear(("a", BUSY))
    schedule.end("a", "ended")
    assert taken(schedule) == ["b"]
    assert taken(schedule) == []
    lease.release()
    assert taken(schedule) == ["a"]


def test_commands_look_for_what_others_left_in_turn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a tenth of the jobs a command looks a tenth as often as leases may expire."""
    clock = [0.0]
    monkeypatch.setattr(others.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(others.random, "uniform", lambda low, high: (low + high) / 2)
    jobs = [replace(job(str(n)), directory=tmp_path / str(n)) for n in range(12)]
    begun = others.Others(jobs)
    begun.took(jobs[0])
    for other in jobs[1:10]:
        begun.left(other)
    clock[0] = 10 * EXPIRY_SECONDS - 1
    assert begun.news(jobs[1:10]) == {}
    clock[0] += 2
    assert begun.news(jobs[1:10]) == {str(n): "free" for n in range(1, 10)}
    begun.left(jobs[1])
    assert begun.news(jobs[1:2]) == {}


def test_leases_expire_when_commands_begin_to_look() -> None:
    assert others.EXPIRY_SECONDS == EXPIRY_SECONDS


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.usefixtures("always_looking")
def test_beside_others_too_every_job_is_executed_once_and_in_order(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever others begin, end, or leave, and whoever resumes that."""
    draw = random.Random(seed)
    names = [f"run{number}" for number in range(30)]
    jobs = [
        replace(
            job(name, *draw.sample(names[:i], min(i, draw.randrange(3)))),
            directory=tmp_path / name,
        )
        for i, name in enumerate(names)
    ]
    needs = {job.run_id: set(job.depends_on) for job in jobs}
    draw.shuffle(jobs)
    theirs: set[str] = set()

    def states(watched: Iterable[Job], _: object) -> dict[str, others.State]:
        """As each happens to be."""
        found = {
            each.run_id: draw.choice(["free", "held", "held", "done", "failed"]) for each in watched
        }
        theirs.difference_update(run_id for run_id, state in found.items() if state == "free")
        return found

    monkeypatch.setattr(others, "_states", states)
    monkeypatch.setattr(others, "worked_on", lambda job: job.run_id in theirs)
    told = Told()
    schedule, running, over = Schedule(jobs, told), [], set()
    while schedule:
        for name in draw.sample(names, 2):
            if needs[name] <= over and name not in {*running, *over} and draw.random() < 0.7:
                theirs.add(name)  # another command begins it
                (tmp_path / name).mkdir(exist_ok=True)
        found = schedule.take(3 - len(running))
        over |= {run_id for run_id, event in told.events if event["event"] == "finished"}
        for each in found:
            assert needs[each.run_id] <= over
            assert each.run_id not in over
            running.append(each.run_id)
        run_id = running.pop(draw.randrange(len(running)))
        schedule.hear((run_id, BUSY if run_id in theirs else DONE))
        schedule.end(run_id, "killed")
        over |= {run_id} - theirs
    for name in names:
        kinds = told.kinds(name)
        assert kinds.count("finished") == (name in over)
        if name not in over:  # waits for others still
            assert kinds[-1] == "busy"
            assert name in theirs or needs[name] - over
