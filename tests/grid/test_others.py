"""What a command sees of other commands in its folder."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.factories import make_curve, make_record, make_spec
from vsebench.grid.job import job_of
from vsebench.grid.others import held_back
from vsebench.plugin.others import Others
from vsebench.results.folder.lease import Lease
from vsebench.results.folder.store import Store

if TYPE_CHECKING:
    from pathlib import Path

    from vsebench.plugin import Job
    from vsebench.results.folder.directory import RunDirectory

SPEC = make_spec()


def directory(out: Path) -> RunDirectory:
    return Store(out).directory_for(SPEC)


def a_job(out: Path) -> Job:
    return job_of(SPEC, directory(out).path)


def watching(out: Path) -> Others:
    return Others([a_job(out)])


def state(others: Others, out: Path) -> str:
    return others.states([a_job(out)]).get(SPEC.run_id, "free")


def finish(out: Path) -> None:
    run = directory(out)
    run.write_spec(SPEC)
    run.append_evaluation(make_curve([300])[0])
    run.write_record(make_record(SPEC, steps=10))


def fail(out: Path, status: str = "failed") -> None:
    run = directory(out)
    run.write_spec(SPEC)
    run.write_record(make_record(SPEC, status=status, error="no"))


def test_what_nobody_has_begun_is_free(tmp_path: Path) -> None:
    assert state(watching(tmp_path / "missing"), tmp_path / "missing") == "free"
    others = watching(tmp_path)
    assert state(others, tmp_path) == "free"
    directory(tmp_path).path.mkdir()
    assert state(others, tmp_path) == "free"


def test_what_is_worked_on_is_held_until_it_is_released(tmp_path: Path) -> None:
    others = watching(tmp_path)
    lease = Lease.claim(directory(tmp_path).path)
    assert lease is not None
    assert state(others, tmp_path) == state(watching(tmp_path), tmp_path) == "held"
    lease.release()
    assert state(others, tmp_path) == "free"


def test_what_another_command_has_finished_is_done(tmp_path: Path) -> None:
    others = watching(tmp_path)
    finish(tmp_path)
    assert state(others, tmp_path) == "done"


@pytest.mark.parametrize("status", ["failed", "blocked"])
def test_a_failure_counts_when_it_is_newer_than_the_command(tmp_path: Path, status: str) -> None:
    """The command itself tries again what failed before it."""
    others = watching(tmp_path)
    fail(tmp_path, status)
    assert state(others, tmp_path) == status
    assert state(watching(tmp_path), tmp_path) == "free"


def test_a_failure_that_cannot_be_read_is_made_again(tmp_path: Path) -> None:
    others = watching(tmp_path)
    fail(tmp_path)
    (directory(tmp_path).path / "record.json").write_text("{")
    assert state(others, tmp_path) == "free"


def test_what_was_begun_before_is_done_only_when_it_is_whole(tmp_path: Path) -> None:
    directory(tmp_path).write_spec(SPEC)
    others = watching(tmp_path)
    finish(tmp_path)
    assert state(others, tmp_path) == "done"
    (directory(tmp_path).path / "curve.jsonl").write_text("")
    assert state(others, tmp_path) == "free"


def test_what_is_made_again_by_its_holder_is_held_though_it_is_marked_done(tmp_path: Path) -> None:
    finish(tmp_path)
    others = watching(tmp_path)
    assert Lease.claim(directory(tmp_path).path) is not None
    assert state(others, tmp_path) == "held"


def test_what_needs_a_held_run_is_held_back_with_it(tmp_path: Path) -> None:
    def needing(run_id: str, *needs: str) -> Job:
        return replace(a_job(tmp_path), run_id=run_id, depends_on=needs)

    jobs = [
        needing("a"),
        needing("b", "a"),
        needing("c", "x", "b"),
        needing("d"),
        needing("e", "d"),
    ]
    assert held_back(jobs, {"a": "held", "d": "done"}) == {"a": "a", "b": "a", "c": "b"}
