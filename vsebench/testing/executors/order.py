"""Which runs are executed, in which order, and what is reported of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vsebench.testing.check import promise
from vsebench.testing.executors.grid import executed, reference
from vsebench.testing.trial import Trial

if TYPE_CHECKING:
    from vsebench.plugin.executors import Event
    from vsebench.testing.subject import Subject


@promise
def executes_every_run_once(subject: Subject) -> None:
    """Every run is executed once, also one that fails; one that cannot be is not."""
    grid = executed(subject)
    with Trial("runs of which some fail, and some cannot be executed") as case:
        for job in grid.jobs:
            expected = 0 if job in (*grid.put_off, grid.blocked) else 1
            found = grid.folder.executions(job)
            case.require(
                found == expected,
                "a run is not executed as often as it should be",
                expected=_times(expected),
                found=_times(found),
            )


@promise
def what_a_run_needs_comes_first(subject: Subject) -> None:
    """A run starts when those that it depends on have ended, in whatever order they are given."""
    grid = executed(subject)
    with Trial("a run that is given before the one that it depends on") as case:
        case.require(
            grid.folder.when(grid.first, "finished") < grid.folder.when(grid.second, "started"),
            "a run starts before one that it depends on has ended",
            expected="'finished' of the one, then 'started' of the other",
            found=f"of the other: {_words(grid.folder.of(grid.second))}",
        )


@promise
def reports_in_order(subject: Subject) -> None:
    """In one thread it reports that a run was started, then all that the run says, in order."""
    grid, local = executed(subject), reference()
    with Trial("runs that end well") as case:
        case.require(
            len(grid.folder.threads) == 1,
            "it reports in several threads",
            expected="one, for whoever is told does not expect two at a time",
            found=str(len(grid.folder.threads)),
        )
        for job in (grid.first, grid.second, grid.plain):
            found, expected = (folder.of(job) for folder in (grid.folder, local.folder))
            case.require(
                found == expected,
                "it does not report what a run says",
                expected=_words(expected),
                found=_words(found),
            )


def _times(count: int) -> str:
    return {0: "never", 1: "once", 2: "twice"}.get(count, f"{count} times")


def _words(events: list[Event]) -> str:
    return ", ".join(str(event.get("phase", event["event"])) for event in events) or "nothing"
