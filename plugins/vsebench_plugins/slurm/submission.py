"""Requests to Slurm and submitted jobs: everything that uses submitit."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import submitit
from submitit.core.utils import FailedJobError, FailedSubmissionError

from vsebench.plugin import VsebenchError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from vsebench.plugin import Resources


@dataclass(frozen=True)
class Wanted:
    """The request for each run, from the executor's parameters."""

    partition: str
    account: str
    qos: str
    constraint: str
    minutes: int
    memory: float
    gpus: int
    grace: int
    requeues: int
    cluster: Literal["slurm", "local"] = "slurm"

    def options(self, resources: Resources, together: int) -> dict[str, Any]:
        """The options of `sbatch`, as submitit names them.

        Args:
            resources: resources of each run.
            together: largest number of runs of an array that run at a time.
        """
        named = {
            "partition": self.partition,
            "account": self.account,
            "qos": self.qos,
            "constraint": self.constraint,
            "mem": f"{int(self.memory * 1024)}MB" if self.memory else "",
            "gpus_per_node": self.gpus * resources.devices if resources.device == "cuda" else 0,
        }
        return {
            "job_name": "vsebench",
            "time": self.minutes,
            "cpus_per_task": resources.threads * resources.devices,
            "ntasks_per_node": 1,
            "signal_delay_s": self.grace,
            "array_parallelism": together,
            "wckey": "vsebench",
            "additional_parameters": {"requeue": True},
            **{name: value for name, value in named.items() if value},
        }


class _Preview(submitit.SlurmExecutor):  # type: ignore[misc]
    """submitit's executor without the check that Slurm is installed."""

    @classmethod
    def affinity(cls) -> int:
        return 1


def script(
    wanted: Wanted, folder: Path, resources: Resources, count: int, together: int
) -> tuple[str, str]:
    """The submission of `count` runs: the command, and the script that it reads."""
    executor = _Preview(folder, max_num_timeout=wanted.requeues)
    executor.update_parameters(**wanted.options(resources, together))
    if count > 1:
        executor.parameters["map_count"] = count
    text = executor._make_submission_file_text(executor._submitit_command_str, "")
    return "sbatch", text


def submit(
    wanted: Wanted,
    folder: Path,
    resources: Resources,
    tasks: Sequence[Callable[[], None]],
    together: int,
) -> list[submitit.Job[None]]:
    """Submits runs with equal resources; several are one array.

    Raises:
        VsebenchError: there is no Slurm on this machine, or it refuses them.
    """
    try:
        if wanted.cluster == "local":
            executor = submitit.LocalExecutor(folder, max_num_timeout=wanted.requeues)
            executor.update_parameters(timeout_min=wanted.minutes, signal_delay_s=wanted.grace)
        elif shutil.which("sbatch") is None:
            raise VsebenchError(
                "there is no Slurm on this machine (no 'sbatch'): give the command on a login node "
                "of the cluster, or try it here with --executor slurm:cluster=local"
            )
        else:
            executor = submitit.SlurmExecutor(folder, max_num_timeout=wanted.requeues)
            executor.update_parameters(**wanted.options(resources, together))
        with executor.batch():
            jobs = [executor.submit(task) for task in tasks]
    except (FailedJobError, FailedSubmissionError, subprocess.CalledProcessError) as error:
        reason = " ".join(str(error).split())
        raise VsebenchError(f"Slurm does not take the jobs: {reason}") from error
    return jobs


LOST = ("NODE_FAIL", "BOOT_FAIL", "PREEMPTED", "LAUNCH_FAILED")
"""States of jobs that were lost with their machine and that Slurm does not requeue."""

_OVER = (
    *LOST,
    *("CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "OUT_OF_MEMORY", "REVOKED", "TIMEOUT"),
    *("FINISHED", "INTERRUPTED", "NO PROCESS AND NO RESULT"),  # of submitit's local jobs
)


def refresh(jobs: Sequence[submitit.Job[None]]) -> None:
    """Queries the states of all jobs at once."""
    if jobs and isinstance(jobs[0], submitit.SlurmJob):
        jobs[0].watcher.update()


def over(job: submitit.Job[None]) -> str | None:
    """The state in which a job had ended at the last query; None if it had not."""
    if isinstance(job, submitit.SlurmJob):
        found = str(job.watcher.get_state(job.job_id, mode="cache"))
    else:
        found = str(job.get_info().get("jobState"))
    return found if found.startswith(_OVER) else None


def cancel(job: submitit.Job[None]) -> None:
    """Ends a job."""
    job.cancel(check=False)


def remove(job: submitit.Job[None], folder: Path) -> None:
    """Removes submitit's files of a job that ended normally."""
    names = [f"{job.job_id}_*"]
    if "_" in job.job_id and not any(folder.glob(f"{job.job_id.partition('_')[0]}_*_*")):
        names.append(f"{job.job_id.partition('_')[0]}_submission.sh")
    for name in names:
        for path in folder.glob(name):
            path.unlink(missing_ok=True)


def own_cores() -> int:
    """Default number of concurrent runs of submitit's local executor, which has no queue."""
    return os.cpu_count() or 1
