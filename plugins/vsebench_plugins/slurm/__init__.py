"""The executor `slurm`: runs as job arrays of a Slurm cluster, through submitit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vsebench.plugin import Card, Param, hookimpl

if TYPE_CHECKING:
    from vsebench.plugin import Register


@hookimpl
def vsebench_register_executors(register: Register) -> None:
    register(
        "slurm",
        "vsebench_plugins.slurm.executor:SlurmExecutor",
        params=[
            Param("partition", "", "partition; without it, the cluster's default"),
            Param("account", "", "account that is charged"),
            Param("qos", "", "quality of service"),
            Param("constraint", "", "features that nodes must have"),
            Param("minutes", 240, "limit of a job; a run that needs longer is requeued", minimum=1),
            Param("memory", 0.0, "GB for each run; 0 is the cluster's default", minimum=0),
            Param("gpus", 1, "GPUs for each run on CUDA, of which it uses one", minimum=1),
            Param(
                "grace",
                300,
                "seconds before its end, by limit or by preemption, at which a run is told to stop "
                "at its next checkpoint",
                minimum=10,
            ),
            Param(
                "requeues", 20, "how often a job that reached its time limit is requeued", minimum=0
            ),
            Param(
                "cluster",
                "slurm",
                "local executes the same on this machine without Slurm, to try it",
                choices=("slurm", "local"),
            ),
        ],
        card=Card(
            "runs as job arrays of a Slurm cluster, requeued at their limit and when preempted"
        ),
    )
