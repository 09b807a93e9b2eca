"""The order of jobs and what is reported of them, whatever executes them."""

from __future__ import annotations

import pickle
import random
from collections import Counter

import pytest

from tests.oracles.schedule import NaiveSchedule
from tests.plugin.jobs import BUSY, DONE, Told, job, taken
from vsebench.plugin import Resources, Schedule, SpecError, executors


def test_jobs_are_taken_in_the_order_given_and_no_more_than_asked_for() -> None:
    told = Told()
    schedule = Schedule([job("c"), job("a"), job("b")], told)
    assert taken(schedule, 0) == []
    assert taken(schedule, 2) == ["c", "a"]
    assert taken(schedule) == ["b"]
    assert taken(schedule) == []
    assert told.events == [(run_id, {"event": "started"}) for run_id in "cab"]


def test_a_job_waits_until_the_process_of_what_it_needs_has_ended() -> None:
    schedule = Schedule([job("b", "a"), job("a", "done long ago")], Told())
    assert taken(schedule) == ["a"]
    schedule.hear(("a", DONE))
    assert taken(schedule) == []
    schedule.end("a", "ended")
    assert taken(schedule) == ["b"]
    schedule.hear(("b", DONE))
    schedule.end("b", "ended")
    assert not schedule


def test_an_end_without_a_word_is_a_death() -> None:
    told = Told()
    schedule = Schedule([job("a"), job("b")], told)
    schedule.take()
    schedule.hear(("a", {"event": "phase", "phase": "training"}))
    schedule.end("a", "killed")
    schedule.hear(("b", {"event": "finished", "status": "failed"}))
    schedule.end("b", "code 0")
    assert told.kinds("a") == ["started", "phase", "died"]
    assert told.events[3] == ("a", {"event": "died", "reason": "killed"})
    assert told.kinds("b") == ["started", "finished"]


def test_all_that_need_a_busy_job_are_put_off_with_it() -> None:
    told = Told()
    schedule = Schedule(
        [job("a"), job("b", "a"), job("c", "b"), job("d", "b", "a"), job("e")], told
    )
    assert taken(schedule, 1) == ["a"]
    schedule.hear(("a", BUSY))
    schedule.end("a", "code 0")
    assert [told.kinds(run_id) for run_id in "bcd"] == [["busy"]] * 3
    assert ("c", {"event": "busy", "reason": "it waits for run b"}) in told.events
    assert taken(schedule) == ["e"]


def test_what_waits_for_a_machine_is_queued_and_starts_when_it_is_heard_of() -> None:
    told = Told()
    schedule = Schedule([job("a"), job("b")], told)
    schedule.take(queued=True)
    schedule.hear(("a", {"event": "phase", "phase": "loading"}))
    schedule.hear(("a", DONE))
    schedule.end("a", "ended")
    schedule.end("b", "killed in the queue")
    assert told.kinds("a") == ["queued", "started", "phase", "finished"]
    assert told.kinds("b") == ["queued", "started", "died"]


def test_a_job_whose_machine_was_lost_is_taken_again_before_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    held = {"a"}
    monkeypatch.setattr(executors, "worked_on", lambda job: job.run_id in held)
    told = Told()
    schedule = Schedule([job("a"), job("b"), job("c", "a")], told)
    assert taken(schedule, 1) == ["a"]
    schedule.lost("a", "its node was lost")
    assert taken(schedule, 1) == ["b"]  # its lease has not expired
    schedule.end("b", "killed")
    assert taken(schedule) == []
    assert schedule
    held.clear()
    assert taken(schedule) == ["a"]
    schedule.hear(("a", DONE))
    schedule.end("a", "ended")
    assert taken(schedule) == ["c"]
    assert told.kinds("a") == ["started", "lost", "started", "finished"]
    assert ("a", {"event": "lost", "reason": "its node was lost"}) in told.events


def test_a_job_that_takes_every_machine_down_has_died(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executors, "worked_on", lambda job: False)
    told = Told()
    schedule = Schedule([job("a")], told)
    for _ in range(executors.MOST_LOST + 1):
        assert taken(schedule) == ["a"]
        schedule.lost("a", "its node was lost")
    assert not schedule
    assert told.kinds("a").count("lost") == executors.MOST_LOST
    assert told.events[-1] == (
        "a",
        {"event": "died", "reason": "its node was lost, and so it was 6 times"},
    )


def test_a_machine_that_is_lost_after_the_end_of_its_job_changes_nothing() -> None:
    told = Told()
    schedule = Schedule([job("a")], told)
    schedule.take()
    schedule.hear(("a", DONE))
    schedule.lost("a", "its node was lost")
    assert not schedule
    assert told.kinds("a") == ["started", "finished"]


def test_jobs_in_a_circle_are_refused_once_nothing_else_is_left() -> None:
    schedule = Schedule([job("a", "b"), job("b", "a"), job("c")], Told())
    assert taken(schedule) == ["c"]
    assert taken(schedule) == []
    schedule.end("c", "killed")
    with pytest.raises(SpecError, match="runs depend on each other: a, b"):
        schedule.take()


@pytest.mark.parametrize("seed", range(20))
def test_any_grid_is_executed_once_each_and_in_order(seed: int) -> None:
    """Random dependencies, ends and workers: no job is lost, doubled or early."""
    draw = random.Random(seed)
    names = [f"run{number}" for number in range(30)]
    jobs = [
        job(name, *draw.sample(names[:i], min(i, draw.randrange(3))))
        for i, name in enumerate(names)
    ]
    draw.shuffle(jobs)
    told = Told()
    schedule, running, over = Schedule(jobs, told), [], set()
    needs = {job.run_id: set(job.depends_on) for job in jobs}
    busy: set[str] = set()
    while schedule:
        for found in schedule.take(3 - len(running)):
            assert needs[found.run_id] <= over
            running.append(found.run_id)
        run_id = running.pop(draw.randrange(len(running)))
        ending = draw.choice(["done", "failed", "busy", "dies"])
        if ending == "busy":
            schedule.hear((run_id, BUSY))
            busy.add(run_id)
        elif ending != "dies":
            schedule.hear((run_id, {"event": "finished", "status": ending}))
        schedule.end(run_id, "killed")
        over.add(run_id)
    put_off = set(busy)
    for name in names:  # each after those that it needs
        put_off |= {name} if needs[name] & put_off else set()
    for name in names:
        kinds = told.kinds(name)
        if name in put_off and name not in busy:
            assert kinds == ["busy"]
        else:
            assert kinds[0] == "started"
            assert len(kinds) == 2
            assert (kinds[1] == "busy") == (name in busy)


@pytest.mark.parametrize("seed", range(20))
def test_jobs_are_taken_as_if_worked_out_anew_each_time(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(executors, "worked_on", lambda _: False)
    draw = random.Random(seed)
    names = [f"run{number}" for number in range(40)]
    jobs = [
        job(name, *draw.sample(names[:i], min(i, draw.randrange(3))))
        for i, name in enumerate(names)
    ]
    draw.shuffle(jobs)
    schedule, naive, losses = Schedule(jobs, Told()), NaiveSchedule(jobs), Counter[str]()
    running: list[str] = []
    while schedule:
        most = draw.randrange(4)
        found = taken(schedule, most)
        assert found == naive.take(most)
        running += found
        if not running:
            continue
        run_id = running.pop(draw.randrange(len(running)))
        fate = draw.choice(["end", "end", "lost", "busy"])
        if fate == "lost":
            schedule.lost(run_id, "its machine was lost")
            losses[run_id] += 1
            (naive.lost if losses[run_id] <= executors.MOST_LOST else naive.end)(run_id)
            continue
        if fate == "busy":
            schedule.hear((run_id, BUSY))
            naive.busy(run_id)
        schedule.end(run_id, "ended")
        naive.end(run_id)
    assert naive.waiting == naive.running == []


def test_a_job_can_be_sent_elsewhere() -> None:
    made = job("a", "b")
    assert pickle.loads(pickle.dumps(made)) == made


def test_its_variables_bound_the_threads() -> None:
    variables = Resources("cpu", 3).variables
    assert variables["OMP_NUM_THREADS"] == variables["MKL_NUM_THREADS"] == "3"
