"""Jobs, and what is reported of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from vsebench.plugin import Job, Resources

if TYPE_CHECKING:
    from vsebench.plugin import Schedule

DONE = {"event": "finished", "status": "done"}
BUSY = {"event": "busy", "reason": "it is being run by process 1 on there"}


def job(run_id: str, *needs: str) -> Job:
    return Job(run_id, "{}", Path("runs") / run_id, needs, Resources("cpu", 1))


class Told:
    """What was reported, in order."""

    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, object]]] = []

    def __call__(self, run_id: str, event: dict[str, object]) -> None:
        self.events.append((run_id, event))

    def kinds(self, run_id: str) -> list[object]:
        return [event["event"] for told, event in self.events if told == run_id]


def taken(schedule: Schedule, most: int | None = None) -> list[str]:
    return [job.run_id for job in schedule.take(most)]
