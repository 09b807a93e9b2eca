"""Which jobs may start, worked out anew from all of them each time."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vsebench.plugin import Job


class NaiveSchedule:
    """As `vsebench.plugin.Schedule`, of jobs that are alone in their folder; tells of nothing."""

    def __init__(self, jobs: Sequence[Job]) -> None:
        self.waiting, self.running = list(jobs), []

    def take(self, most: int) -> list[str]:
        left = {job.run_id for job in (*self.waiting, *self.running)}
        taken = [job for job in self.waiting if left.isdisjoint(job.depends_on)][:most]
        self.waiting = [job for job in self.waiting if job not in taken]
        self.running += taken
        return [job.run_id for job in taken]

    def end(self, run_id: str) -> None:
        self.running = [job for job in self.running if job.run_id != run_id]

    def lost(self, run_id: str) -> None:
        self.waiting = [*(job for job in self.running if job.run_id == run_id), *self.waiting]
        self.end(run_id)

    def busy(self, run_id: str) -> None:
        for job in [job for job in self.waiting if run_id in job.depends_on]:
            self.waiting = [each for each in self.waiting if each != job]
            self.busy(job.run_id)
