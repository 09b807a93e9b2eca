"""Machines with workers, what they execute, and their loss."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.cluster.world import Inbox
from vsebench.grid.execute import attempt
from vsebench.grid.job import open_log
from vsebench.plugin.executors import Schedule

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.cluster.world import Process, World
    from vsebench.plugin.jobs import Job, Report

_POLL_SECONDS = 1.0


class Node:
    """A machine.

    Attributes:
        name: its name.
        workers: runs that it has at a time.
        processes: those that live on it.
        running: runs that it executes, each with its process and who follows it.
        lost: when it was lost; None while it works.
        busy: seconds in which its workers had a run, over all of them.
    """

    def __init__(self, world: World, name: str, workers: int) -> None:
        self.world, self.name, self.workers = world, name, workers
        self.processes: set[Process] = set()
        self.running: dict[str, tuple[Process, Inbox, float]] = {}
        self.lost: float | None = None
        self.busy = 0.0

    def process(self) -> Process:
        made = self.world.process(self.name)
        self.processes.add(made)
        return made

    def lives(self, pid: int) -> bool:
        return any(process.pid == pid for process in self.processes if not process.dead)

    def execute(self, job: Job, inbox: Inbox) -> None:
        """Starts a process that executes a run; the inbox hears what the run says, and at last
        None.
        """
        if self.lost is not None:
            inbox.put((job.run_id, "lost"))
            return
        process = self.process()

        def main() -> None:
            for _ in range(2):  # once for the process, once by itself
                open_log(job.directory).close()
            attempt(job.spec, job.directory, lambda event: inbox.put((job.run_id, event)))
            self.processes.discard(process)
            self._left(job.run_id)
            inbox.put((job.run_id, None))

        self.running[job.run_id] = (process, inbox, self.world.now)
        self.world.start(process, main)

    def lose(self) -> None:
        """Everything on it ends."""
        self.lost = self.world.now
        for process in self.processes:
            self.world.kill(process)
        left = {run_id: inbox for run_id, (_, inbox, _) in self.running.items()}
        for run_id, inbox in left.items():
            self._left(run_id)
            inbox.put((run_id, "lost"))

    def _left(self, run_id: str) -> None:
        _, _, since = self.running.pop(run_id)
        self.busy += self.world.now - since


class Executor:
    """Starts runs on the machines that live, as the executors of the suite do: with `Schedule`.

    A command that is lost with its machine hears of nothing any more; one that runs elsewhere is
    told.
    """

    def __init__(self, world: World, nodes: Sequence[Node]) -> None:
        self._world, self._nodes = world, nodes

    def execute(self, jobs: Sequence[Job], report: Report) -> None:
        schedule, inbox, running = Schedule(jobs, report), Inbox(self._world), 0
        while schedule:
            free = self._free()
            for job, node in zip(schedule.take(len(free)), free, strict=False):
                node.execute(job, inbox)
                running += 1
            if not running:
                self._world.wait(_POLL_SECONDS)
                continue
            run_id, event = inbox.get()
            if event is None or event == "lost":
                running -= 1
            if event is None:
                schedule.end(run_id, "its process ended without a word")
            elif event == "lost":
                schedule.lost(run_id, "its machine was lost")
            else:
                schedule.hear((run_id, event))

    def _free(self) -> list[Node]:
        """The machine of every free worker, those with the most first."""
        left = [
            (len(node.running) + place, node)
            for node in self._nodes
            if node.lost is None
            for place in range(node.workers - len(node.running))
        ]
        return [node for _, node in sorted(left, key=lambda each: each[0])]
