"""What an executor calls for a job, in a process that may have been used before."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.grid import fake_training
from tests.grid.conftest import doing, printed_in
from vsebench.plugin import Resources, VsebenchError, execute
from vsebench.results.folder.directory import RunDirectory
from vsebench.results.folder.lease import Lease

if TYPE_CHECKING:
    from tests.grid.conftest import MakeJob


def test_a_job_says_what_its_run_needs(job: MakeJob) -> None:
    spec = doing("nothing")
    protocol = spec.protocol.model_copy(update={"threads": 3})
    assert job(spec).resources == Resources("cpu", 1)
    assert job(spec.model_copy(update={"protocol": protocol})).resources == Resources("cpu", 3)
    assert job(spec.model_copy(update={"device": "cuda"})).resources == Resources("cuda", 1)


@pytest.mark.parametrize(
    ("deed", "status", "result"),
    [("nothing", "done", {"result": "RSUM 1.0"}), ("fail", "failed", {})],
)
def test_its_events_carry_the_run(
    job: MakeJob, deed: str, status: str, result: dict[str, str]
) -> None:
    sent: list[object] = []
    wanted = job(doing(deed))
    assert execute(wanted, sent.append) == status
    assert sent == [
        (wanted.run_id, {"event": "phase", "phase": "training"}),
        (wanted.run_id, {"event": "finished", "status": status, **result}),
    ]


def test_a_busy_job_is_told_of_and_left_alone(job: MakeJob) -> None:
    sent: list[tuple[str, dict[str, object]]] = []
    wanted = job(doing("nothing"))
    assert Lease.claim(wanted.directory) is not None
    assert execute(wanted, sent.append) == "busy"
    ((run_id, event),) = sent
    assert (run_id, event["event"]) == (wanted.run_id, "busy")
    assert RunDirectory(wanted.directory).read_record() is None


def test_what_it_prints_is_in_its_log_and_the_streams_are_put_back(
    job: MakeJob, capfd: pytest.CaptureFixture[str]
) -> None:
    print("before", flush=True)
    for seed in (0, 1):
        execute(job(doing("chatter", seed)), lambda message: None)
    print("after", flush=True)
    assert capfd.readouterr() == ("before\nafter\n", "")
    os.write(1, b"said by a library\n")
    assert capfd.readouterr() == ("said by a library\n", "")
    for seed in (0, 1):
        log = RunDirectory(job(doing("chatter", seed)).directory).log_path
        assert printed_in(log) == "said on standard output\nsaid on standard error\n"


def test_what_libraries_print_is_in_the_log_too(
    job: MakeJob, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(fake_training.deeds, "chatter", lambda *_: os.write(2, b"by a library"))
    execute(job(doing("chatter")), lambda message: None)
    assert capfd.readouterr() == ("", "")
    log = RunDirectory(job(doing("chatter")).directory).log_path
    assert printed_in(log) == "by a library"


def test_a_log_that_cannot_be_written_is_one_clear_line(job: MakeJob) -> None:
    wanted = job(doing("nothing"))
    (wanted.directory / "run.log").mkdir(parents=True)
    with pytest.raises(VsebenchError, match=r"cannot write .*run\.log"):
        execute(wanted, lambda message: None)
