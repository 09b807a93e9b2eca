"""The executor `slurm`: the scripts that it would submit, and what it makes of how jobs end, on a
Slurm that is none; submitit's local executor runs it end to end.
"""

from __future__ import annotations

import gc
import json
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest

from tests.factories import make_spec
from tests.grid.fake_training import wait_until
from tests.plugins.left import left_by, restarts
from tests.testing.made import broken
from vsebench.grid.job import job_of
from vsebench.plugin import Job, Message, Resources, VsebenchError
from vsebench.results.folder.store import Store
from vsebench.testing.subject import find

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from vsebench.plugin import Event

pytest.importorskip("submitit", reason="needs submitit: pip install 'vsebench[slurm]'")
executor_module = import_module("vsebench_plugins.slurm.executor")
submission = import_module("vsebench_plugins.slurm.submission")
task = import_module("vsebench_plugins.slurm.task")

DONE = {"event": "finished", "status": "done"}
ENDED = {"event": "ended", "reason": "its process ended with code 0"}


@pytest.fixture
def out(tmp_path: Path) -> Path:
    Store(tmp_path / "out").prepare()
    return tmp_path / "out"


def made(out: Path, seed: int, *needs: Job) -> Job:
    spec = make_spec(seed=seed, depends_on=tuple(need.run_id for need in needs))
    return job_of(spec, Store(out).directory_for(spec).path)


def flags(script: str) -> set[str]:
    return {line.removeprefix("#SBATCH --") for line in script.splitlines() if "#SBATCH" in line}


def test_the_script_that_it_would_submit(out: Path):
    first = made(out, 0)
    jobs = [first, made(out, 1), made(out, 2), made(out, 3, first)]
    text = executor_module.SlurmExecutor(
        2, partition="gpu", account="vision", qos="low", constraint="a100", minutes=90, memory=1.5
    ).preview(jobs)
    assert text.startswith("sbatch, for 3 runs:\n\n#!/bin/bash\n")
    assert text.endswith("\n1 run follows likewise, when those that they need have ended")
    found = flags(text)
    assert found >= {
        "array=0-2%2",
        "partition=gpu",
        "account=vision",
        "qos=low",
        "constraint=a100",
        "time=90",
        "mem=1536MB",
        "cpus-per-task=1",
        "signal=USR2@300",
        "requeue",
        f"output={out}/.slurm/%A_%a_0_log.out",
    }
    assert not any(flag.startswith("gpus") for flag in found)
    assert f"-m submitit.core._submit {out}/.slurm" in text
    assert not (out / ".slurm").exists()


def test_what_is_not_asked_for_is_left_to_the_cluster(out: Path):
    found = flags(executor_module.SlurmExecutor().preview([made(out, 0)]))
    names = {flag.partition("=")[0] for flag in found}
    assert not names & {"partition", "account", "qos", "constraint", "mem", "gpus-per-node"}
    assert not any(flag.startswith("array=") for flag in found)  # one run is no array


def test_runs_that_need_the_same_are_an_array(out: Path):
    on_gpu = [replace(made(out, seed), resources=Resources("cuda", 4)) for seed in range(2)]
    text = executor_module.SlurmExecutor(gpus=1).preview([*on_gpu, made(out, 2)])
    first, second = text.split("sbatch, for ")[1:]
    assert flags(first) >= {"array=0-1%2", "gpus-per-node=1", "cpus-per-task=4"}
    assert "cpus-per-task=1" in flags(second)


def test_the_script_is_what_submitit_submits(out: Path, monkeypatch: pytest.MonkeyPatch):
    """Against a fake `sbatch`."""
    submitted = []

    class Sbatch:
        def __init__(self, command: list[str], *, verbose: bool) -> None:
            submitted.append(command[1])

        def __call__(self) -> str:
            return "Submitted batch job 7"

    monkeypatch.setattr(submission.shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr("submitit.core.utils.CommandFunction", Sbatch)
    monkeypatch.setattr(submission.submitit.SlurmJob, "_register_in_watcher", lambda self: None)
    wanted = submission.Wanted("p", "", "", "", 60, 0.0, 1, 120, 3)
    jobs = [made(out, seed) for seed in range(3)]
    folder = out / ".slurm"
    tasks = [task.RunTask(job, folder / "events", 120) for job in jobs]
    slurm = submission.submit(wanted, folder, jobs[0].resources, tasks, 2)
    assert [job.job_id for job in slurm] == ["7_0", "7_1", "7_2"]
    assert len(submitted) == 1
    found = (folder / "7_submission.sh").read_text()
    _, expected = submission.script(wanted, folder, jobs[0].resources, 3, 2)
    assert found == expected


def test_slurm_is_asked_once_for_all_jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    watcher = submission.submitit.SlurmJob.watcher
    asked: list[list[str]] = []
    table = "JobID|State|NodeList\n7_0|COMPLETED|a\n7_1|RUNNING|b\n7_2|CANCELLED by 5|c\n"

    def sacct(command: list[str], **_: object) -> bytes:
        asked.append(command)
        return table.encode()

    monkeypatch.setattr("submitit.core.core.subprocess.check_output", sacct)
    jobs = [submission.submitit.SlurmJob(tmp_path, f"7_{task}", [0]) for task in range(3)]
    watcher.clear()
    for job in jobs:
        watcher.register_job(job.job_id)
    asked.clear()
    submission.refresh(jobs)
    found = [submission.over(job) for job in jobs]
    watcher.clear()
    assert found == ["COMPLETED", None, "CANCELLED by 5"]
    assert len(asked) == 1


def test_where_there_is_no_slurm_it_says_so(out: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(submission.shutil, "which", lambda name: None)
    with pytest.raises(VsebenchError, match="there is no Slurm on this machine"):
        executor_module.SlurmExecutor().execute([made(out, 0)], lambda run_id, event: None)


class Slurm:
    """A cluster on which jobs are what a test writes of them.

    Attributes:
        arrays: the runs of each submission.
        states: what is said of a job whose state is asked for, by run.
        cancelled: runs whose jobs were.
    """

    def __init__(self, says: Callable[[Job, Callable[[Event], None]], None]) -> None:
        self.says = says
        self.arrays: list[list[str]] = []
        self.states: dict[str, list[str | None]] = {}
        self.cancelled: list[str] = []

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(submission, "submit", self.submit)
        monkeypatch.setattr(submission, "over", self.over)
        monkeypatch.setattr(submission, "refresh", lambda jobs: None)
        monkeypatch.setattr(submission, "cancel", lambda job: self.cancelled.append(job.run_id))
        monkeypatch.setattr(submission, "remove", lambda job, folder: None)
        monkeypatch.setattr(executor_module, "_POLL_SECONDS", 0.01)
        monkeypatch.setattr(executor_module, "_STATE_SECONDS", 0.05)

    def submit(
        self, wanted: Any, folder: Path, resources: Any, tasks: Any, together: int
    ) -> list[Any]:
        class Paths:
            stderr = "7_log.err"

        class Made:
            job_id, paths = "7", Paths

            def __init__(self, run_id: str) -> None:
                self.run_id = run_id

        self.arrays.append([each._job.run_id for each in tasks])
        for each in tasks:
            self.says(each._job, each._say)
        return [Made(each._job.run_id) for each in tasks]

    def over(self, job: Any) -> str | None:
        states = self.states.get(job.run_id, [None])
        return states.pop(0) if len(states) > 1 else states[0]


def well(job: Job, say: Callable[[Event], None]) -> None:
    for event in ({"event": "phase", "phase": "training"}, DONE, ENDED):
        say(event)


class Told:
    def __init__(self) -> None:
        self.events: list[Message] = []

    def __call__(self, run_id: str, event: Event) -> None:
        self.events.append((run_id, event))

    def kinds(self, job: Job) -> list[object]:
        return [event["event"] for run_id, event in self.events if run_id == job.run_id]


def test_those_that_can_start_are_submitted_together(out: Path, monkeypatch: pytest.MonkeyPatch):
    slurm, told = Slurm(well), Told()
    slurm.install(monkeypatch)
    first, other = made(out, 0), made(out, 1)
    second = made(out, 2, first)
    executor_module.SlurmExecutor().execute([second, first, other], told)
    assert slurm.arrays == [[first.run_id, other.run_id], [second.run_id]]
    for job in (first, second, other):
        assert told.kinds(job) == ["queued", "started", "phase", "finished"]
    assert slurm.cancelled == []
    assert not list((out / ".slurm").glob("*.jsonl"))


def test_a_job_that_ends_without_a_word_has_died_and_says_where_to_look(
    out: Path, monkeypatch: pytest.MonkeyPatch
):
    job, told = made(out, 0), Told()
    slurm = Slurm(lambda job, say: say({"event": "phase", "phase": "training"}))
    slurm.states = {job.run_id: [None, "OUT_OF_MEMORY"]}
    slurm.install(monkeypatch)
    executor_module.SlurmExecutor().execute([job], told)
    reason = "its Slurm job 7 ended as OUT_OF_MEMORY: see 7_log.err"
    assert told.events[-1] == (job.run_id, {"event": "died", "reason": reason})


def test_a_job_that_is_requeued_has_not_ended(out: Path, monkeypatch: pytest.MonkeyPatch):
    job, told = made(out, 0), Told()
    said: list[Callable[[Event], None]] = []
    slurm = Slurm(lambda job, say: said.append(say))

    class Requeued(list[str | None]):
        """Over for a moment, then in the queue again, where it ends well."""

        def pop(self, index: Any = 0) -> str | None:
            state = super().pop(index)
            if len(self) == 1:
                well(job, said[0])
            return state

    slurm.states = {job.run_id: Requeued(["PREEMPTED", None, "PREEMPTED", None])}
    slurm.install(monkeypatch)
    executor_module.SlurmExecutor().execute([job], told)
    assert told.kinds(job) == ["queued", "started", "phase", "finished"]
    assert len(slurm.arrays) == 1


def test_runs_of_a_lost_node_are_submitted_again(out: Path, monkeypatch: pytest.MonkeyPatch):
    job, told = made(out, 0), Told()
    slurm = Slurm(lambda job, say: well(job, say) if len(slurm.arrays) > 1 else None)
    slurm.states = {job.run_id: ["NODE_FAIL"]}
    slurm.install(monkeypatch)
    executor_module.SlurmExecutor().execute([job], told)
    assert len(slurm.arrays) == 2
    assert told.kinds(job) == ["queued", "lost", "queued", "started", "phase", "finished"]


def test_an_interrupt_cancels_what_was_submitted(out: Path, monkeypatch: pytest.MonkeyPatch):
    jobs = [made(out, seed) for seed in range(2)]
    slurm = Slurm(lambda job, say: say({"event": "phase", "phase": "training"}))
    slurm.install(monkeypatch)

    def interrupt(run_id: str, event: Event) -> None:
        if event["event"] == "phase":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        executor_module.SlurmExecutor().execute(jobs, interrupt)
    assert slurm.cancelled == [job.run_id for job in jobs]


def test_a_line_that_has_not_arrived_whole_is_waited_for(tmp_path: Path):
    tail = import_module("vsebench_plugins.slurm.executor").Tail(tmp_path / "events")
    assert tail.new_events() == []
    line = json.dumps(DONE) + "\n"
    tail.path.write_text(line + line[:10])
    assert tail.new_events() == [DONE]
    assert tail.new_events() == []
    tail.path.write_text(line + line)
    assert tail.new_events() == [DONE]


def test_a_run_hears_nothing_of_the_schedulers_signals():
    with task._signals_blocked():
        child = subprocess.Popen(
            [sys.executable, "-c", "import sys; print('up', flush=True); sys.stdin.read()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
    assert child.stdout is not None
    assert child.stdout.readline() == "up\n"
    for number in (signal.SIGUSR2, signal.SIGTERM):
        child.send_signal(number)
    child.communicate("", timeout=30)
    assert child.returncode == 0
    assert not signal.pthread_sigmask(signal.SIG_BLOCK, []) & {signal.SIGUSR2, signal.SIGTERM}


def test_on_the_signal_a_run_stops_at_its_next_checkpoint_and_goes_on_in_the_same_task(
    out: Path, monkeypatch: pytest.MonkeyPatch
):
    stopped: list[float] = []
    running = threading.Event()

    class Run:
        def __init__(self, job: Job, send: object) -> None:
            self.over = threading.Event()

        def wait(self) -> str:
            running.set()
            self.over.wait(30)
            return "stopped"

        def stop(self, checkpoint_within: float = 0.0) -> None:
            stopped.append(checkpoint_within)
            self.over.set()

    monkeypatch.setattr(task, "spawn", Run)
    job = made(out, 0)
    events = out / "events"
    made_task = task.RunTask(job, events, 60)
    thread = threading.Thread(target=made_task)
    thread.start()
    assert running.wait(30)
    again = made_task.checkpoint()
    thread.join(30)
    assert stopped[0] == 55
    assert again.function._job == job
    assert again.function._events == events


# of submitit's local executor, which does not wait for the processes that it starts
LEAVES_PROCESSES = pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)


@LEAVES_PROCESSES
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_it_keeps_the_promises_of_executors():
    assert broken(find("executor", "slurm:cluster=local")) == set()
    gc.collect()  # what they leave is told of here, and not within another test


GRID = (
    *("--dataset", "scenes:images=60", "--pooling", "mean", "--loss", "triplet,aoq"),
    *("--epochs", "40", "--set", "embed_dim=8", "--set", "word_dim=8", "--device", "cpu"),
    *("--set", "warmup_epochs=0", "--set", "evals_per_epoch=1"),
)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_run_is_requeued_on_the_signal_and_leaves_what_it_would_have_left(tmp_path: Path):
    def start(out: Path, *options: str) -> subprocess.Popen[bytes]:
        words = [sys.executable, "-m", "vsebench", "run", *GRID, "--out", str(out), *options]
        return subprocess.Popen(words)

    assert start(tmp_path / "local").wait(300) == 0
    out = tmp_path / "out"
    command = start(out, "--executor", "slurm:cluster=local:grace=60")
    try:
        wait_until(lambda: any(out.glob("*/checkpoint.pt")) or command.poll() is not None, 120)
        (script,) = out.glob(".slurm/*_submitted.pkl")
        controller = script.name.partition("_")[0]
        children = subprocess.check_output(["pgrep", "-P", controller], text=True).split()
        for child in children:
            subprocess.run(["kill", "-USR2", child], check=True)
        assert command.wait(300) == 0
    finally:
        command.kill()
        command.wait()
    assert restarts(out) == 1
    assert left_by(out) == left_by(tmp_path / "local")
