"""The executor `ray` on a Ray that is none: what it asks of the cluster, and what it makes of what
comes back. `test_ray_cluster.py` has real ones.
"""

from __future__ import annotations

import errno
import threading
from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest

from tests.factories import make_spec
from tests.grid.fake_training import wait_until
from tests.plugins.fake_ray import FakeRay, NodeDiedError, OutOfMemoryError, RaySystemError
from vsebench import files
from vsebench.grid.job import job_of
from vsebench.plugin import Job, Message, Resources, SpecError, VsebenchError, WriteError
from vsebench.results.folder.directory import RunDirectory
from vsebench.results.folder.lease import Lease, is_held
from vsebench.results.folder.store import Store
from vsebench.results.record import RunRecord
from vsebench.results.spec import read_spec

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from vsebench.plugin import Event

DONE = {"event": "finished", "status": "done"}


class Told:
    """What was reported, in order."""

    def __init__(self, then: Callable[[str, Event], None] = lambda run_id, event: None) -> None:
        self.events: list[Message] = []
        self._then = then

    def __call__(self, run_id: str, event: Event) -> None:
        self.events.append((run_id, event))
        self._then(run_id, event)

    def kinds(self, job: Job) -> list[object]:
        return [event["event"] for run_id, event in self.events if run_id == job.run_id]


class Process:
    """A run's process: it leaves a record, unless a file in its directory says otherwise."""

    def __init__(self, job: Job, send: Callable[[Message], object]) -> None:
        self.job, self.send = job, send
        self.stopped = threading.Event()

    def wait(self) -> str:
        folder = self.job.directory
        self.send((self.job.run_id, {"event": "phase", "phase": "training"}))
        if (folder / "hold").exists():
            (folder / "hold").unlink()
            (folder / "checkpoint.pt").write_text("half")
            self.send((self.job.run_id, {"event": "evaluated", "step": 1}))
            self.stopped.wait(30)
            return "stopped"
        if (folder / "die").exists():
            return "its process was ended by SIGKILL"
        spec = read_spec(self.job.spec)
        left = {"rsum": 1.0}
        record = RunRecord(run_id=spec.run_id, status="done", spec=spec, test=left)
        (folder / "resumed").write_text(str((folder / "checkpoint.pt").exists()))
        RunDirectory(folder).write_record(record)
        self.send((self.job.run_id, DONE))
        return "code 0"

    def stop(self, checkpoint_within: float = 0.0) -> None:
        self.stopped.set()


@pytest.fixture
def ray(monkeypatch: pytest.MonkeyPatch) -> FakeRay:
    fake = FakeRay()
    fake.install(monkeypatch)
    monkeypatch.setattr(import_module("vsebench_plugins.ray.node"), "spawn", Process)
    for name in ("_POLL_SECONDS", "_HELD_SECONDS"):
        monkeypatch.setattr(import_module("vsebench_plugins.ray.tasks"), name, 0.05)
    module = import_module("vsebench_plugins.ray.executor")
    monkeypatch.setattr(module, "require", lambda *_, **__: None)
    return fake


def executor(workers: int = 2, **params: Any) -> Any:
    return import_module("vsebench_plugins.ray.executor").RayExecutor(workers, **params)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    Store(tmp_path / "out").prepare()
    return tmp_path / "out"


def made(out: Path, seed: int, *needs: Job) -> Job:
    spec = make_spec(seed=seed, depends_on=tuple(need.run_id for need in needs))
    job = job_of(spec, Store(out).directory_for(spec).path)
    job.directory.mkdir()
    return job


ENDED = ["queued", "started", "phase", "finished"]


@pytest.mark.parametrize("files", ["shared", "driver"])
def test_runs_are_executed_in_order_and_leave_their_records(ray: FakeRay, out: Path, files: str):
    first = made(out, 0)
    second, plain = made(out, 1, first), made(out, 2)
    told = Told()
    executor(files=files).execute([second, first, plain], told)
    for job in (first, second, plain):
        assert told.kinds(job) == ENDED
        assert RunDirectory(job.directory).is_done
        assert not is_held(job.directory)
    places = [run_id for run_id, event in told.events if event["event"] == "finished"]
    assert places.index(first.run_id) < places.index(second.run_id)
    assert ray.joined == [None, "left"]
    assert not list(out.glob(".ray-*"))


def test_a_task_reserves_what_its_run_needs(ray: FakeRay, out: Path):
    on_gpu = replace(made(out, 0), resources=Resources("cuda", 4, 0.25))
    on_cpu = made(out, 1)
    executor(memory=1.5).execute([on_gpu, on_cpu], Told())
    assert {(task["num_cpus"], task["num_gpus"], task["memory"]) for task in ray.started} == {
        (4, 0.25, 1610612736),
        (1, 0, 1610612736),
    }
    assert {task["max_retries"] for task in ray.started} == {0}


def test_no_more_tasks_than_asked_for(ray: FakeRay, out: Path):
    jobs = [made(out, seed) for seed in range(4)]
    most, running = [], set()

    def count(run_id: str, event: Event) -> None:
        if event["event"] == "queued":
            running.add(run_id)
        if event["event"] == "finished":
            running.discard(run_id)
        most.append(len(running))

    executor(workers=2).execute(jobs, Told(count))
    # one that has finished is a task until its process has ended
    assert max(most) == 2


@pytest.mark.parametrize("files", ["shared", "driver"])
def test_runs_of_a_lost_node_resume_from_their_checkpoint(ray: FakeRay, out: Path, files: str):
    job, other = made(out, 0), made(out, 1)
    (job.directory / "hold").touch()

    def lose(run_id: str, event: Event) -> None:
        if event["event"] == "evaluated":
            lost.set()

    lost = threading.Event()
    told = Told(lose)

    def end_node() -> None:
        assert lost.wait(30)
        wait_until((job.directory / "checkpoint.pt").exists)
        next(task for task in ray.tasks if task.name.endswith(job.run_id)).lose(
            NodeDiedError("gone")
        )

    ender = threading.Thread(target=end_node)
    ender.start()
    executor(files=files, every=0.1).execute([job, other], told)
    ender.join()
    assert told.kinds(job) == [
        *("queued", "started", "phase", "evaluated", "lost"),
        *ENDED,
    ]
    assert ("its node was lost (NodeDiedError)") in [
        event.get("reason") for _, event in told.events
    ]
    assert told.kinds(other) == ENDED
    assert (job.directory / "resumed").read_text() == "True"


def test_a_node_without_memory_is_named(ray: FakeRay, out: Path):
    job = made(out, 0)
    (job.directory / "hold").touch()

    def fill(run_id: str, event: Event) -> None:
        if event["event"] == "evaluated":
            ray.tasks[0].lose(OutOfMemoryError("killed"))

    told = Told(fill)
    executor().execute([job], told)
    reason = "its node ran out of memory (OutOfMemoryError)"
    assert (job.run_id, {"event": "lost", "reason": reason}) in told.events
    assert told.kinds(job)[-1] == "finished"


def test_a_process_that_died_is_no_lost_node(ray: FakeRay, out: Path):
    job, other = made(out, 0), made(out, 1)
    (job.directory / "die").touch()
    told = Told()
    executor().execute([job, other], told)
    assert told.events[-1][0] in (job.run_id, other.run_id)
    assert (job.run_id, {"event": "died", "reason": "its process was ended by SIGKILL"}) in (
        told.events
    )
    assert told.kinds(other) == ENDED


def test_a_run_whose_node_cannot_execute_it_says_why(
    ray: FakeRay, out: Path, monkeypatch: pytest.MonkeyPatch
):
    def fail(job: Job, send: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(import_module("vsebench_plugins.ray.node"), "spawn", fail)
    job, told = made(out, 0), Told()
    executor().execute([job], told)
    reason = told.events[-1][1]["reason"]
    assert reason == "its task failed: OSError: no space left on device"


def test_files_travel_where_a_node_does_not_see_the_folder(
    ray: FakeRay, out: Path, monkeypatch: pytest.MonkeyPatch
):
    node = import_module("vsebench_plugins.ray.node")
    cluster = import_module("vsebench_plugins.ray.cluster")
    monkeypatch.setattr(
        cluster, "node_info", lambda token: replace(node.node_info(token), folder=False, host="far")
    )
    job = made(out, 0)
    folders = set()

    class Noting(Process):
        def __init__(self, job: Job, send: Callable[[Message], object]) -> None:
            super().__init__(job, send)
            folders.add(job.directory.parent)

    monkeypatch.setattr(node, "spawn", Noting)
    executor().execute([job], Told())
    assert RunDirectory(job.directory).is_done
    assert out not in folders


def test_a_node_that_comes_later_without_the_folder_says_so(ray: FakeRay, tmp_path: Path):
    node = import_module("vsebench_plugins.ray.node")
    job = made_nowhere(tmp_path / "no such folder")
    (ended,) = node.run(job, 1.0)
    assert "does not see" in ended.reason
    assert "ray:files=driver" in ended.reason


def made_nowhere(out: Path) -> Job:
    spec = make_spec()
    return job_of(spec, out / "run")


def test_a_run_that_another_command_works_on_is_busy(ray: FakeRay, out: Path):
    job = made(out, 0)
    dependant = made(out, 1, job)
    lease = Lease.claim(job.directory)
    assert lease is not None
    told = Told()
    executor(files="driver").execute([job, dependant], told)
    assert told.kinds(job) == ["queued", "started", "busy"]
    assert told.kinds(dependant) == ["busy"]
    lease.release()


def test_a_run_that_was_taken_over_is_left_to_whoever_did(ray: FakeRay, out: Path):
    job = made(out, 0)
    (job.directory / "hold").touch()

    def take_over(run_id: str, event: Event) -> None:
        if event["event"] == "evaluated":
            for lease in job.directory.glob("lease-*.json"):
                lease.rename(lease.with_name("lease-99.json"))

    told = Told(take_over)
    executor(files="driver").execute([job], told)
    assert told.kinds(job)[-1] == "busy"
    assert all(task.cancelled for task in ray.tasks)


@pytest.mark.parametrize("files", ["shared", "driver"])
def test_an_interrupt_ends_all_tasks(ray: FakeRay, out: Path, files: str):
    jobs = [made(out, seed) for seed in range(2)]
    for job in jobs:
        (job.directory / "hold").touch()

    def interrupt(run_id: str, event: Event) -> None:
        if event["event"] == "evaluated":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        executor(files=files).execute(jobs, Told(interrupt))
    assert all(task.cancelled for task in ray.tasks)
    assert not any(is_held(job.directory) for job in jobs)
    assert ray.joined[-1] == "left"


@pytest.mark.parametrize("error", [BrokenPipeError("Broken pipe"), RaySystemError("it ended")])
def test_a_command_that_has_lost_the_cluster_says_so(ray: FakeRay, out: Path, error: Exception):
    job = made(out, 0)
    (job.directory / "hold").touch()

    def lose(run_id: str, event: Event) -> None:
        if event["event"] == "evaluated":
            ray.tasks[0].lose(error)

    with pytest.raises(VsebenchError, match="the Ray node that this command joined has ended"):
        executor().execute([job], Told(lose))
    assert ray.joined[-1] == "left"


def test_a_full_disk_is_no_lost_cluster(ray: FakeRay, out: Path, monkeypatch: pytest.MonkeyPatch):
    """And all tasks end, though no lease can be given back."""
    jobs = [made(out, seed) for seed in range(2)]
    for job in jobs:
        (job.directory / "hold").touch()

    def full(path: Path, content: bytes) -> None:
        raise files.cannot_write(path, OSError(errno.ENOSPC, "No space left on device"))

    def fill(run_id: str, event: Event) -> None:
        if event["event"] == "evaluated":
            monkeypatch.setattr(files, "write_bytes", full)

    with pytest.raises(WriteError, match="No space left on device; free space"):
        executor(files="driver", every=0.1).execute(jobs, Told(fill))
    assert all(task.cancelled for task in ray.tasks)
    assert ray.joined[-1] == "left"


def test_the_address_is_the_clusters(ray: FakeRay, out: Path):
    executor(address="head:6379").execute([made(out, 0)], Told())
    assert ray.joined == ["head:6379", "left"]


def test_what_cannot_be_joined_is_one_line(ray: FakeRay, out: Path):
    ray.refuses = "Could not\n find any running Ray instance."
    with pytest.raises(VsebenchError, match="no Ray cluster can be joined at head:1: Could not fi"):
        executor(address="head:1").execute([made(out, 0)], Told())
    with pytest.raises(SpecError, match="give HOST:PORT of its head"):
        executor(address="ray://head:10001").execute([made(out, 1)], Told())


def test_a_node_with_another_release_is_refused(
    ray: FakeRay, out: Path, monkeypatch: pytest.MonkeyPatch
):
    node = import_module("vsebench_plugins.ray.node")
    cluster = import_module("vsebench_plugins.ray.cluster")
    monkeypatch.setattr(cluster, "node_info", lambda _: node.NodeInfo("old", "0.0.1", folder=True))
    with pytest.raises(VsebenchError, match=r"node old has vsebench 0\.0\.1 and this command"):
        executor().execute([made(out, 0)], Told())

    def lacks(token: Path) -> None:
        raise ModuleNotFoundError("No module named 'vsebench'")

    monkeypatch.setattr(cluster, "node_info", lacks)
    with pytest.raises(VsebenchError, match="install vsebench on all nodes"):
        executor().execute([made(out, 1)], Told())
    assert ray.started == []


def test_a_cluster_that_is_too_small_is_said(
    ray: FakeRay, out: Path, caplog: pytest.LogCaptureFixture
):
    executor().execute([replace(made(out, 0), resources=Resources("cuda", 1, 0.5))], Told())
    assert "no node of the Ray cluster has 1 CPU and 0.5 GPU: runs wait until one has" in (
        caplog.text
    )


def test_a_dry_run_says_what_would_be_asked_for(ray: FakeRay, out: Path):
    jobs = [replace(made(out, seed), resources=Resources("cuda", 2, 0.5)) for seed in range(3)]
    assert executor(address="head:6379").preview(jobs) == (
        "Ray: 3 tasks, each with num_cpus=2, num_gpus=0.5, on the cluster at head:6379"
    )
    assert ray.joined == []
