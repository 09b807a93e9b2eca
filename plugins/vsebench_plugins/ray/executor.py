"""Runs as tasks of a Ray cluster."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from vsebench.plugin import UNBOUNDED, Schedule, require

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vsebench.plugin import Job, Report

GIB = 2**30


class RayExecutor:
    """Gives Ray a task for each run as soon as those that it depends on have ended; Ray finds the
    node. Tasks end with this process, and the same command resumes their runs.

    Attributes:
        workers: tasks at a time, at most.
    """

    elsewhere = True

    def __init__(
        self,
        workers: int = UNBOUNDED,
        address: str = "",
        memory: float = 0.0,
        files: Literal["auto", "shared", "driver"] = "auto",
        every: float = 10.0,
    ) -> None:
        require("ray", extra="ray", purpose="runs on a Ray cluster")
        self.workers = workers
        self._address, self._files, self._every = address, files, every
        self._memory = memory

    @staticmethod
    def default_workers(_: str) -> int:
        """Ray knows how many fit."""
        return UNBOUNDED

    def execute(self, jobs: Sequence[Job], report: Report) -> None:
        from vsebench_plugins.ray.cluster import joined, node_infos, warn_if_too_small
        from vsebench_plugins.ray.tasks import Tasks

        jobs = [replace(job, directory=job.directory.absolute()) for job in jobs]
        with joined(self._address):
            nodes = node_infos(jobs[0].directory.parent)
            shared = all(node.folder for node in nodes)
            tasks = Tasks(
                Schedule(jobs, report),
                self.needs,
                through_driver=self._files == "driver" or (self._files == "auto" and not shared),
                every=self._every,
            )
            warn_if_too_small(
                {"CPU": self.needs(jobs[0])["num_cpus"], "GPU": self.needs(jobs[0])["num_gpus"]}
            )
            tasks.execute(self.workers)

    def needs(self, job: Job) -> dict[str, float]:
        """The resources that a run's task reserves, as options of Ray."""
        on_gpu = job.resources.device == "cuda"
        memory = {"memory": int(self._memory * GIB)} if self._memory else {}
        return {
            "num_cpus": job.resources.threads * job.resources.devices,
            "num_gpus": job.resources.share * job.resources.devices if on_gpu else 0,
            **memory,
        }

    def preview(self, jobs: Sequence[Job]) -> str:
        needs = sorted({tuple(self.needs(job).items()) for job in jobs})
        words = " or ".join(
            ", ".join(f"{name}={most:g}" for name, most in options) for options in needs
        )
        where = self._address or "what RAY_ADDRESS names or this machine has"
        tasks = f"{len(jobs)} task{'' if len(jobs) == 1 else 's'}"
        return f"Ray: {tasks}{', each with ' + words if jobs else ''}, on the cluster at {where}"
