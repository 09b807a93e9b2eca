"""An executor that keeps its promises, and ones that break some each. Processes are forked from one
that has loaded torch, which is faster than what a plugin would do.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import replace
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING, Any

from vsebench.plugin import Job, Report, Schedule, execute
from vsebench.results.folder.directory import RunDirectory

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from multiprocessing.context import ForkServerProcess

SERVER = get_context("forkserver")
SERVER.set_forkserver_preload(["vsebench.annotation.run"])


class Sound:
    target: Callable[..., Any] = staticmethod(execute)

    def __init__(self, workers: int = 1) -> None:
        self.workers = workers
        self.running: dict[Connection, tuple[Job, ForkServerProcess]] = {}

    def execute(self, jobs: Sequence[Job], report: Report) -> None:
        schedule = Schedule(jobs, report)
        try:
            while schedule:
                for job in schedule.take(self.workers - len(self.running)):
                    self.start(job)
                for events in wait(list(self.running)):
                    assert isinstance(events, Connection)
                    try:
                        message = events.recv()
                    except EOFError:
                        job, process = self.running.pop(events)
                        process.join()
                        schedule.end(job.run_id, "its process ended")
                    else:
                        self.hear(schedule, message)
        finally:
            self.stop()

    def start(self, job: Job) -> None:
        events, theirs = SERVER.Pipe(duplex=False)
        process = SERVER.Process(target=self.target, args=(job, theirs.send), daemon=True)
        process.start()
        theirs.close()
        self.running[events] = job, process

    def hear(self, schedule: Schedule, message: Any) -> None:
        schedule.hear(message)

    def stop(self) -> None:
        for _, process in self.running.values():
            process.kill()
            process.join()


def twice(job: Job, send: Callable[[Any], object]) -> None:
    if execute(job, send) == "failed":
        execute(job, lambda message: None)


class TriesAgain(Sound):
    target = staticmethod(twice)


def damaging(job: Job, send: Callable[[Any], object]) -> None:
    if execute(job, send) == "done":
        model = RunDirectory(job.directory).best_path
        *rest, last = model.read_bytes()
        model.write_bytes(bytes([*rest, last ^ 1]))


class DamagesModels(Sound):
    target = staticmethod(damaging)


class AnyOrder(Sound):
    def execute(self, jobs: Sequence[Job], report: Report) -> None:
        super().execute([replace(job, depends_on=()) for job in jobs], report)


class SaysNothingOfBusyRuns(Sound):
    def hear(self, schedule: Schedule, message: Any) -> None:
        if message[1]["event"] != "busy":
            schedule.hear(message)


class SaysOneEnd(Sound):
    def execute(self, jobs: Sequence[Job], report: Report) -> None:
        ended: set[str] = set()

        def once(run_id: str, event: dict[str, object]) -> None:
            if event["event"] in ("busy", "finished", "died"):
                if run_id in ended:
                    return
                ended.add(run_id)
            report(run_id, event)

        super().execute(jobs, once)


class SaysNothingOfProgress(Sound):
    def hear(self, schedule: Schedule, message: Any) -> None:
        if message[1]["event"] != "evaluated":
            schedule.hear(message)


class CallsDeathFailure(Sound):
    def execute(self, jobs: Sequence[Job], report: Report) -> None:
        def rename(run_id: str, event: dict[str, object]) -> None:
            died = event["event"] == "died"
            report(run_id, {"event": "finished", "status": "failed"} if died else event)

        super().execute(jobs, rename)


class StopsAtAFailure(Sound):
    def hear(self, schedule: Schedule, message: Any) -> None:
        schedule.hear(message)
        if message[1].get("status") == "failed":
            raise RuntimeError("a run failed")


class ReportsFromThreads(Sound):
    def hear(self, schedule: Schedule, message: Any) -> None:
        if message[1]["event"] != "evaluated":
            schedule.hear(message)
            return
        thread = threading.Thread(target=schedule.hear, args=(message,))
        thread.start()
        thread.join()


class LeavesProcesses(Sound):
    def stop(self) -> None:
        pass


class GoesOn(Sound):
    def hear(self, schedule: Schedule, message: Any) -> None:
        with suppress(KeyboardInterrupt):
            schedule.hear(message)
