"""A plugin file for the runs of the kit: they note that they were executed, and do what the
parameter of their stopping rule says when that is made.
"""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

from vsebench.plugin import Card, Param, hookimpl

if TYPE_CHECKING:
    from vsebench.plugin import Register, RunInfo

JOURNAL = "journal.txt"
"""Beside the directories of the runs: a line for each time that one was executed."""

HELD_SECONDS = 60.0
"""That a run takes which is to be interrupted."""


class Deed:
    """A stopping rule that never stops."""

    def __init__(self, do: str = "nothing") -> None:
        if do == "fail":
            raise RuntimeError("it was told to fail")
        if do == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if do == "hold":
            time.sleep(HELD_SECONDS)

    def should_stop(self, _: object) -> bool:
        return False


@hookimpl
def vsebench_register_stopping_rules(register: Register) -> None:
    register(
        "deed",
        f"{__name__}:Deed",
        params=[Param("do", "nothing", "nothing, fail, die or hold")],
        card=Card("never stops, and does what it is told when it is made"),
    )


@hookimpl
def vsebench_run_started(run: RunInfo) -> None:
    with (run.directory.parent / JOURNAL).open("a", encoding="utf-8") as journal:
        journal.write(f"{run.run_id}\n")
