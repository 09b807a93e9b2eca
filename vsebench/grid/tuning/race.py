"""Runs a search rung by rung, judges its trials and chooses the values of each row."""

from __future__ import annotations

import math
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from vsebench.grid.run import run_plan
from vsebench.grid.tuning.halving import Result, arrival, ranking
from vsebench.grid.tuning.space import at_edge
from vsebench.plugin.errors import VsebenchError
from vsebench.results.folder.store import Store
from vsebench.results.reader import DamagedError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    from vsebench.grid.plan import Plan
    from vsebench.grid.tuning.halving import Select
    from vsebench.grid.tuning.search import Contest, Search, Trial
    from vsebench.plugin.jobs import Report
    from vsebench.results.run_base import RunBase

    Watch = Callable[[Plan], AbstractContextManager[Report | None]]
    """Shows the progress of a plan while its context is open."""


@dataclass(frozen=True)
class Choice:
    """What a contest came to.

    Attributes:
        best: the trial whose point is chosen, on the last rung.
        tuned_at_edge: keys whose value lies at an end of its range.
        seconds: training seconds of all trials of the contest.
    """

    best: Trial
    tuned_at_edge: tuple[str, ...]
    seconds: float


class TrialsError(VsebenchError):
    """Trials failed and had not diverged, so that they say nothing of their points.

    Attributes:
        reasons: a line for each.
    """

    def __init__(self, reasons: Sequence[str], of: int) -> None:
        super().__init__(
            f"{len(reasons)} of {of} trial{'s' * (of > 1)} failed, so that nothing was chosen: "
            "fix what they say; the same command continues with what is left"
        )
        self.reasons = reasons


def search(
    wanted: Search, watch: Watch = lambda _: nullcontext()
) -> tuple[list[Trial], list[Choice]]:
    """Runs what is left of the trials, rung by rung.

    Args:
        wanted: the search.
        watch: shows the progress of a rung's plan.

    Returns:
        Every trial, by rung, and the choice of every contest.

    Raises:
        TrialsError: a trial failed for another reason than that it diverged; trials that are done
            are kept.
        VsebenchError: every trial of a row diverged.
    """
    judged: list[Trial] = []
    trials = wanted.first()
    for rung in range(len(wanted.rungs)):
        run_trials(wanted.plan_of(trials), watch)
        trials = _judged(trials, wanted)
        judged += trials
        ranked = {
            contest: [trials[place] for place in places]
            for contest, places in _ranked(trials, wanted.options.select).items()
        }
        if rung + 1 < len(wanted.rungs):
            keep = wanted.rungs[rung + 1].trials
            promoted = {
                contest: sorted(trial.place for trial in best[:keep])
                for contest, best in ranked.items()
            }
            trials = wanted.trials(rung + 1, promoted)
    choices = [
        Choice(
            best[0],
            at_edge(best[0].point, contest.axes),
            _seconds([trial for trial in judged if trial.contest == contest]),
        )
        for contest, best in ranked.items()
    ]
    return judged, choices


def run_trials(planned: Plan, watch: Watch) -> None:
    """Runs a rung; what diverged before is not tried again, since it would again.

    Raises:
        TrialsError: a trial failed for another reason than that it diverged.
    """
    store = Store(planned.out)
    left = tuple(run for run in planned.runs if not _diverged(run, store))
    with watch(planned) as report:
        if left:
            run_plan(replace(planned, runs=left), reporter=report)
    failures = []
    for run in planned.runs:
        found = store.reader_for(run)
        record = found.read_record()
        if not (_diverged(run, store) or (record is not None and record.status == "done")):
            why = (record.error or "").strip().splitlines() if record is not None else []
            failures.append(
                f"{planned.label(run)}: {why[-1] if why else 'it left no record'} ({found.path})"
            )
    if failures:
        raise TrialsError(failures, len(planned.runs))


def _diverged(run: RunBase, store: Store) -> bool:
    """Whether it diverged, or could not start because its first round had."""
    try:
        record = store.reader_for(run).read_record()
    except DamagedError:  # it is set aside and made again
        return False
    if record is None or record.status == "done":
        return False
    if record.status == "blocked":
        needed = [found for run_id in run.depends_on if (found := store.find(run_id)) is not None]
        return any(first.diverged for found in needed if (first := found.read_record()) is not None)
    return record.diverged


def _judged(trials: Sequence[Trial], wanted: Search) -> list[Trial]:
    store, target = Store(wanted.plan.out), wanted.options.target
    headline = wanted.rows.task.headline.key
    found = []
    for trial in trials:
        qualities, arrivals, seconds = [], [], 0.0
        for run in trial.runs:
            reader = store.reader_for(run)
            record, curve = reader.read_record(), reader.read_curve()
            if record is not None and record.status == "done":
                qualities.append(record.best_dev[headline])
                points = [(point.step, point.metrics[headline]) for point in curve]
                arrivals.append(None if target is None else arrival(points, target))
            if record is not None and record.cost is not None:
                seconds += record.cost.total_seconds
            elif curve:
                seconds += curve[-1].seconds
        whole = len(qualities) == len(trial.runs)
        result = Result(_mean(qualities) if whole else None, _mean(arrivals) if whole else None)
        found.append(replace(trial, result=result, seconds=seconds))
    return found


def _ranked(trials: Sequence[Trial], select: Select) -> dict[Contest, list[int]]:
    """Places of each contest's trials that did not diverge, the best first.

    Raises:
        VsebenchError: a contest has none.
    """
    of_contest: dict[Contest, list[int]] = {}
    for place, trial in enumerate(trials):
        of_contest.setdefault(trial.contest, []).append(place)
    found = {}
    for contest, places in of_contest.items():
        order = ranking([trials[place].result for place in places], select)
        if not order:
            raise VsebenchError(
                f"every trial of {contest.label} diverged: search smaller learning rates"
            )
        found[contest] = [places[place] for place in order]
    return found


def _mean(values: Sequence[float | None]) -> float | None:
    """The mean; None where a value is not known, or there is none."""
    known = [value for value in values if value is not None]
    return math.fsum(known) / len(known) if known and len(known) == len(values) else None


def _seconds(trials: Sequence[Trial]) -> float:
    """Of all their runs, each counted once: a rung whose schedule is no longer than the one before
    costs nothing.
    """
    by_runs = {tuple(run.run_id for run in trial.runs): trial.seconds for trial in trials}
    return math.fsum(by_runs.values())
