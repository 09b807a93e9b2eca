"""The simulation of many machines on a slow folder, and what it shows of the store."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from benchmarks.cluster.__main__ import app
from benchmarks.cluster.disk import EPOCH, Disk
from benchmarks.cluster.outcome import Setting
from benchmarks.cluster.report import grids, start_ups
from benchmarks.cluster.simulation import simulate, start_up
from benchmarks.cluster.world import Event, Inbox, Pool, World
from vsebench.results.folder.lease import EXPIRY_SECONDS

if TYPE_CHECKING:
    from pathlib import Path

LOOKING = ("lookups", "others' runs", "start-up", "claims", "other")
"""What operations are for that have nothing to do with what a run computes."""


@pytest.mark.parametrize("commands", [True, False])
def test_with_a_machine_lost_no_run_is_lost_or_doubled(tmp_path: Path, commands: bool) -> None:
    setting = Setting(
        runs=50, nodes=4, workers=2, commands=commands, lost_an_hour=0.2, seed=1, grain=0.5
    )
    outcome = simulate(setting, tmp_path / "runs")
    assert outcome.lost_nodes == 2
    assert (outcome.unfinished, outcome.doubled) == ([], 0)
    assert sorted(outcome.training.ended.values()) == [1] * 50
    assert len(outcome.taken_over) == 4
    assert min(outcome.taken_over) > EXPIRY_SECONDS - 30
    assert outcome.computed < outcome.busy < outcome.available
    assert "0, 0" in grids([outcome])


def test_runs_of_a_lost_machine_are_resumed_while_others_are_left(tmp_path: Path) -> None:
    setting = Setting(runs=80, nodes=4, workers=2, lost_an_hour=0.3, seed=3, grain=0.5)
    outcome = simulate(setting, tmp_path / "runs")
    assert (len(outcome.taken_over), outcome.unfinished) == (6, [])
    assert max(outcome.taken_over) < 30 * 60 < outcome.hours * 3600 / 4


def test_a_run_costs_as_many_operations_in_a_plan_of_any_size(tmp_path: Path) -> None:
    def operations(runs: int) -> float:
        setting = Setting(runs=runs, nodes=1, workers=2, lost_an_hour=0.0, grain=0.5)
        found = simulate(setting, tmp_path / str(runs)).by_purpose()
        return sum(found[purpose] for purpose in LOOKING) / runs

    assert operations(24) <= operations(8)


def test_a_command_asks_as_much_of_each_run_in_a_folder_of_any_size(tmp_path: Path) -> None:
    """Once for all that there is nothing of, and equally often for each that is done."""

    def operations(runs: int, done: int) -> int:
        outcome = start_up(
            Setting(runs=runs, nodes=1, lost_an_hour=0.0, done=done), tmp_path / f"{runs}-{done}"
        )
        assert start_ups([outcome])
        return outcome.by_purpose().total()

    assert operations(8, 0) == operations(24, 0)
    few, more, most = (operations(done, done) for done in (4, 8, 12))
    assert most - more == more - few


def test_a_simulation_is_the_same_each_time(tmp_path: Path) -> None:
    setting = Setting(runs=6, nodes=3, workers=1, lost_an_hour=1.0)
    first, again = (simulate(setting, tmp_path / name) for name in ("first", "again"))
    assert first.disk.operations == again.disk.operations
    assert (first.hours, first.taken_over) == (again.hours, again.taken_over)


def test_the_command_prints_what_it_came_to() -> None:
    result = CliRunner().invoke(app, ["--runs", "6", "--machines", "2", "--workers", "1"])
    assert result.exit_code == 0
    assert "| runs lost, runs done twice" in result.stdout
    assert " 6 of 6 |" in result.stdout


def test_what_comes_first_is_done_first() -> None:
    world, told = World(), []

    def wait(seconds: float) -> None:
        world.wait(seconds)
        told.append((seconds, world.now))

    process = world.process("here")
    for seconds in (3.0, 1.0, 2.0):
        world.start(process, lambda seconds=seconds: wait(seconds))
    world.run()
    assert told == [(1.0, 1.0), (2.0, 2.0), (3.0, 3.0)]


def test_an_event_is_waited_for_and_an_inbox_and_a_pool_keep_the_order() -> None:
    world, told = World(), []
    process, event, inbox = world.process("here"), Event(world), Inbox(world)

    def listen() -> None:
        told.append(event.wait(1.0))
        told.append(event.wait(10.0))
        told.append(world.now)
        told.extend([inbox.get(), inbox.get()])
        told.append(Pool(world, 2).map(lambda seconds: world.wait(seconds) or seconds, [3, 1, 1]))
        told.append(world.now)

    def speak() -> None:
        world.wait(4.0)
        event.set()
        world.wait(1.0)
        inbox.put("a")
        inbox.put("b")

    world.start(process, listen)
    world.start(process, speak)
    world.run()
    assert told == [False, True, 4.0, "a", "b", [3, 1, 1], 8.0]


def test_what_is_killed_does_nothing_more_not_even_to_tidy_up(tmp_path: Path) -> None:
    world = World()
    disk, process = Disk(world, tmp_path, 1.0), world.process("here")

    def work() -> None:
        try:
            (tmp_path / "begun").write_text("")
            time.sleep(10)
        finally:
            (tmp_path / "tidied").write_text("")

    world.start(process, work)
    world.start(world.process("there"), lambda: (world.wait(5.0), world.kill(process)))
    with disk.mounted():
        world.run()
    assert [path.name for path in tmp_path.iterdir()] == ["begun"]
    assert disk.operations.total() == 1


def test_an_error_in_a_thread_comes_out() -> None:
    world = World()
    world.start(world.process("here"), lambda: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        world.run()


def test_operations_are_counted_and_take_their_time(tmp_path: Path) -> None:
    world, seen = World(), []
    disk = Disk(world, tmp_path / "slow", 0.5)
    (tmp_path / "slow").mkdir()
    (tmp_path / "fast").touch()

    def work() -> None:
        path = tmp_path / "slow" / "file"
        path.write_text("text")
        world.wait(10.0)
        seen.append((path.stat().st_mtime - EPOCH, time.time() - EPOCH, time.monotonic()))
        path.rename(path.with_name("other"))
        (tmp_path / "fast").stat()
        list((tmp_path / "slow").iterdir())

    world.start(world.process("here"), work)
    with disk.mounted():
        world.run()
    assert seen == [(0.5, 11.0, 11.0)]
    assert dict(disk.operations) == {
        ("other", "open"): 1,
        ("other", "stat"): 1,
        ("other", "rename"): 1,
        ("other", "list"): 1,
    }
    assert world.now == 12.0
    assert time.monotonic() > 12.0
