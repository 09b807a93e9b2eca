"""Runs side by side, in processes of their own."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from tests.grid.conftest import doing, printed_in
from tests.grid.fake_training import wait_until
from vsebench.grid.job import environment
from vsebench.grid.local import LocalExecutor
from vsebench.kernels.devices import RUNS_ON_DEVICE
from vsebench.results.folder.directory import RunDirectory
from vsebench.results.folder.lease import Lease
from vsebench.results.folder.process import start_time
from vsebench.results.provenance import RUN_DEVICES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.grid.conftest import MakeJob
    from vsebench.grid.job import Place
    from vsebench.plugin.jobs import Job
    from vsebench.results.spec import RunSpec


pytestmark = pytest.mark.usefixtures("started")


class Events:
    """Keeps what is reported, by run."""

    def __init__(self) -> None:
        self.by_run: dict[str, list[dict[str, Any]]] = {}

    def __call__(self, run_id: str, event: dict[str, object]) -> None:
        self.by_run.setdefault(run_id, []).append(event)

    def last(self, spec: RunSpec) -> dict[str, Any]:
        return self.by_run[spec.run_id][-1]


def run(job: MakeJob, *specs: RunSpec, workers: int = 2) -> Events:
    events = Events()
    LocalExecutor(workers).execute([job(spec) for spec in specs], events)
    return events


def test_jobs_run_side_by_side_up_to_the_number_of_workers(job: MakeJob):
    together = [doing("meet", seed) for seed in (0, 1)]
    events = run(job, *together)
    assert [events.last(spec)["status"] for spec in together] == ["done", "done"]
    assert events.by_run[together[0].run_id][0] == {"event": "started"}


def test_one_worker_runs_one_job_at_a_time(job: MakeJob):
    one_by_one = [doing("alone", seed) for seed in range(3)]
    events = run(job, *one_by_one, workers=1)
    assert [events.last(spec)["status"] for spec in one_by_one] == ["done"] * 3


def test_workers_beyond_any_number_of_jobs_cost_nothing(job: MakeJob):
    events = run(job, doing("alone"), workers=10**20)
    assert events.last(doing("alone"))["status"] == "done"


def test_a_job_starts_after_those_that_it_depends_on_in_whatever_order_they_come(
    job: MakeJob, out: Path
):
    first = doing("nothing", 0)
    second = doing("nothing", 1, needs=first)
    third = doing("nothing", 2, needs=second)
    run(job, third, second, first)
    assert (out / "order.txt").read_text() == "triplet 0\ntriplet 1\ntriplet 2\n"


def test_a_failing_job_stops_only_those_that_need_it(job: MakeJob):
    failing, other = doing("fail", 0), doing("nothing", 1)
    dependant = doing("nothing", 2, needs=failing)
    events = run(job, failing, dependant, other)
    assert [events.last(spec)["status"] for spec in (failing, dependant, other)] == [
        "failed",
        "blocked",
        "done",
    ]


@pytest.mark.parametrize(
    ("deed", "reason"),
    [
        ("die", "its process was ended by SIGKILL, which the system does when memory runs out"),
        ("leave", "its process ended with code 7 and left no record: see "),
    ],
)
def test_a_process_that_dies_says_how(job: MakeJob, deed: str, reason: str):
    events = run(job, doing(deed, 0), doing("nothing", 1))
    assert events.last(doing(deed, 0))["event"] == "died"
    assert events.last(doing(deed, 0))["reason"].startswith(reason)
    assert events.last(doing("nothing", 1))["status"] == "done"


def test_what_a_run_prints_goes_to_its_log(job: MakeJob, capfd: pytest.CaptureFixture[str]):
    run(job, doing("chatter"))
    log = RunDirectory(job(doing("chatter")).directory).log_path
    assert printed_in(log) == "said on standard output\nsaid on standard error\n"
    assert capfd.readouterr() == ("", "")


def test_the_end_of_a_process_waits_for_what_an_interpreter_would(job: MakeJob, out: Path):
    events = run(job, doing("untidy"))
    assert events.last(doing("untidy"))["status"] == "done"
    assert (out / "left-open").read_text() == "written"
    assert (out / "at-exit").exists()
    assert (out / "by-a-thread").exists()
    log = RunDirectory(job(doing("untidy")).directory).log_path
    assert printed_in(log) == "printed without a line end"


def test_a_run_that_is_held_elsewhere_puts_off_those_that_need_it(job: MakeJob, out: Path):
    held = doing("nothing", 0)
    second = doing("nothing", 1, needs=held)
    third = doing("nothing", 2, needs=second)
    assert Lease.claim(job(held).directory) is not None
    events = run(job, held, second, third, doing("nothing", 3))
    assert [events.last(spec)["event"] for spec in (held, second, third)] == ["busy"] * 3
    assert (out / "order.txt").read_text() == "triplet 3\n"


def test_a_run_gets_the_threads_of_its_protocol_and_keeps_its_memory(
    job: MakeJob, out: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", "1000000")
    spec = doing("tell")
    run(job, spec.model_copy(update={"protocol": spec.protocol.model_copy(update={"threads": 3})}))
    environment = json.loads((out / "environment.json").read_text())
    expected = {
        "OMP_NUM_THREADS": "3",
        "MKL_NUM_THREADS": "3",
        "PYTHONHASHSEED": "0",
        "ONEDNN_PRIMITIVE_CACHE_CAPACITY": "128",
        "LRU_CACHE_CAPACITY": "128",
        "MALLOC_MMAP_MAX_": "0",
        "MALLOC_TRIM_THRESHOLD_": "1000000",
    }
    assert {name: environment[name] for name in expected} == expected


def test_on_cuda_jobs_are_dealt_out_over_the_devices(
    job: MakeJob, out: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("vsebench.grid.dealing.cuda_devices", lambda: ["4", "6"])
    specs = [doing("meet", seed).model_copy(update={"device": "cuda"}) for seed in (0, 1)]
    run(job, *specs, workers=2)
    assert sorted(path.read_text() for path in out.glob("here-*")) == ["4", "6"]


class Ended:
    """Stands for a run's process that ends at once; keeps what it was started with."""

    started: ClassVar[list[dict[str, str]]] = []
    patience_ends: ClassVar[float] = float("inf")

    def __init__(
        self,
        job: Job,
        listen: Callable[[None], None],
        *,
        place: Place,
        **_: Any,
    ) -> None:
        self.started.append(environment(job.resources.threads, place))
        listen(None)

    def death(self) -> str:
        return "it was none"

    def stop(self) -> None:
        """There is nothing to stop."""


def test_on_cuda_a_device_may_have_several_jobs_which_know_how_many(
    job: MakeJob, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(Ended, "started", [])
    monkeypatch.setattr("vsebench.grid.dealing.cuda_devices", lambda: ["4", "6"])
    monkeypatch.setattr("vsebench.grid.local.RunProcess", Ended)
    specs = [doing("tell", seed).model_copy(update={"device": "cuda"}) for seed in range(8)]
    run(job, *specs, workers=5)
    devices = [variables["CUDA_VISIBLE_DEVICES"] for variables in Ended.started]
    assert devices == ["4", "6", "4", "6", "4", "4", "6", "4"]  # in the order in which slots end
    shared = {(env["CUDA_VISIBLE_DEVICES"], env[RUNS_ON_DEVICE]) for env in Ended.started}
    assert shared == {("4", "3"), ("6", "2")}


def test_named_devices_and_shares_are_what_runs_have(
    job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Ended, "started", [])
    monkeypatch.setattr("vsebench.grid.dealing.cuda_devices", lambda: ["4", "6", "7"])
    monkeypatch.setattr("vsebench.grid.local.RunProcess", Ended)
    jobs = [job(doing("tell", seed).model_copy(update={"device": "cuda"})) for seed in range(4)]
    LocalExecutor(4, ("cuda:2/3", "cuda:0")).execute(jobs, lambda *_: None)
    assert [
        (env["CUDA_VISIBLE_DEVICES"], env[RUN_DEVICES], env[RUNS_ON_DEVICE])
        for env in Ended.started
    ] == [("7", "cuda:2", "3"), ("4", "cuda:0", "1"), ("7", "cuda:2", "3"), ("7", "cuda:2", "3")]


def test_jobs_end_with_the_executor(job: MakeJob, out: Path):
    def interrupt(run_id: str, event: dict[str, object]) -> None:
        if event["event"] == "phase":
            wait_until(lambda: any(out.glob("holding-*")))
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        LocalExecutor(1).execute([job(doing("hold"))], interrupt)
    worker = int(next(out.glob("holding-*")).name.partition("-")[2])
    assert start_time(worker) is None
    assert RunDirectory(job(doing("hold")).directory).read_record() is None
