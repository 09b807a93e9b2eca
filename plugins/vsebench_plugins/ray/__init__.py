"""The executor `ray`: every run a task of a Ray cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vsebench.plugin import Card, Param, hookimpl

if TYPE_CHECKING:
    from vsebench.plugin import Register


@hookimpl
def vsebench_register_executors(register: Register) -> None:
    register(
        "ray",
        "vsebench_plugins.ray.executor:RayExecutor",
        params=[
            Param(
                "address",
                "",
                "HOST:PORT of the cluster's head; without it, what RAY_ADDRESS names or runs on "
                "this machine, else a cluster of this machine alone",
            ),
            Param("memory", 0.0, "GB of memory to reserve for each run", minimum=0),
            Param(
                "files",
                "auto",
                "whether runs write to the output folder, which all nodes must share, or send "
                "their files to the command; auto shares it if all nodes see it",
                choices=("auto", "shared", "driver"),
            ),
            Param(
                "every",
                10.0,
                "seconds between two times that a run's files are sent to the command",
                minimum=0.1,
            ),
        ],
        card=Card("every run a task of a Ray cluster; runs of a lost node resume on another one"),
    )
