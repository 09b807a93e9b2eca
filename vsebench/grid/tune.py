"""Chooses protocol values for each row of a suite by a random search: the same points, and so as
many trials, for every row.
"""

from __future__ import annotations

import csv
import io
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from vsebench.files import write_text
from vsebench.grid.plan import plan, with_concurrency
from vsebench.grid.run import run_plan
from vsebench.grid.suite import suite_text
from vsebench.grid.tuned import Tuned
from vsebench.plugin.errors import SpecError, VsebenchError
from vsebench.results.store import Store
from vsebench.results.tasks import task_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from vsebench.grid.plan import Plan
    from vsebench.grid.space import Point
    from vsebench.grid.suite import Suite
    from vsebench.plugin.executors import Report

TRIALS = "trials"
"""The folder of the trials' runs."""


@dataclass(frozen=True)
class Trial:
    """One point tried for one row.

    Attributes:
        dataset: canonical spec.
        sampler: sampler of the trial.
        loss: loss of the trial.
        point: the values.
        score: the best dev MAP of a run, mean over the tuning seeds; None when a run diverged,
            which no choice can follow.
        run_ids: the runs, one for each tuning seed.
    """

    dataset: str
    sampler: str
    loss: str
    point: Point
    score: float | None
    run_ids: tuple[str, ...]

    @property
    def row(self) -> tuple[str, str, str]:
        return self.dataset, self.sampler, self.loss


@dataclass(frozen=True)
class Search:
    """A search, planned.

    Attributes:
        suite: suite that is tuned.
        points: points to try for every row.
        plan: plan of all trials.
    """

    suite: Suite
    points: Sequence[Point]
    plan: Plan


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


def plan_search(suite: Suite, points: Sequence[Point], seeds: Sequence[int], out: Path) -> Search:
    """Plans every trial: a run for each row of the suite, point and tuning seed.

    Args:
        suite: suite of the annotation task.
        points: points to try.
        seeds: seeds of the trials, not those of the suite, so that nothing is chosen for its luck
            with them.
        out: receives the trials.

    Raises:
        VsebenchError: the suite is not as it must be, is of another task, is tuned already, or
            shares a seed.
    """
    shared = sorted(set(seeds) & set(suite.seeds))
    if shared:
        raise SpecError(
            f"seed {shared[0]} is the suite's own: tune with others, such as --seeds "
            f"{max(suite.seeds) + 1}"
        )
    if suite.tuned:
        raise SpecError("the suite is tuned already: take out its entries 'tuned' to tune it anew")
    both = next((key for key in points[0] if key in suite.changes), None)
    if both is not None:
        raise SpecError(
            f"protocol key '{both}' is set by the suite: take it out, or out of the space"
        )
    common = {"seeds": tuple(seeds), "out": str(out / TRIALS)}
    plans = [
        plan(suite.model_copy(update={**common, "set": {**suite.set, **point}})) for point in points
    ]
    task = task_of(plans[0].runs[0])
    if task.compared != "sampler":
        raise SpecError(
            f"data set '{suite.dataset[0]}' serves the {task.name} task, where no row is tuned by "
            "itself"
        )
    runs = with_concurrency(tuple(run for each in plans for run in each.runs), plans[0].workers)
    return Search(suite, points, replace(plans[0], runs=runs))


def search(wanted: Search, out: Path, command: str, reporter: Report | None = None) -> list[Trial]:
    """Runs what is left of the trials, and writes `trials.csv` and `suite.toml`, the suite with the
    best point of every row.

    Args:
        wanted: the search.
        out: the folder.
        command: command that repeats the search; the suite names it.
        reporter: receives the progress of every run.

    Returns:
        Every trial, in the order of the plan.

    Raises:
        TrialsError: a trial failed for another reason than that it diverged; nothing is written
            then, and trials that are done are kept.
        VsebenchError: every trial of a row diverged.
    """
    run_plan(wanted.plan, reporter=reporter)
    failures = _failures(wanted)
    if failures:
        raise TrialsError(failures, len(wanted.plan.runs))
    trials = _trials(wanted)
    write_text(out / "trials.csv", _csv(trials, f"dev_{task_of(wanted.plan.runs[0]).headline.key}"))
    tuned = tuple(
        Tuned(dataset=t.dataset, sampler=t.sampler, loss=t.loss, set=t.point)
        for t in best_trials(trials)
    )
    trials_each = f"{len(wanted.points)} trial{'s' * (len(wanted.points) > 1)}"
    write_text(
        out / "suite.toml",
        suite_text(
            wanted.suite.model_copy(update={"tuned": tuned}),
            f"Tuned with {trials_each} a row: {command}",
        ),
    )
    return trials


def best_trials(trials: Sequence[Trial]) -> list[Trial]:
    """The trial of each row with the largest score; the earlier of equal ones.

    Raises:
        VsebenchError: a row has none that did not diverge.
    """
    best: dict[tuple[str, str, str], Trial | None] = {}
    for trial in trials:
        leader = best.setdefault(trial.row, None)
        if trial.score is not None and (
            leader is None or trial.score > (leader.score or -math.inf)
        ):
            best[trial.row] = trial
    lost = next((row for row, trial in best.items() if trial is None), None)
    if lost is not None:
        raise VsebenchError(
            f"every trial of {' × '.join(lost)} diverged: search smaller learning rates"
        )
    return [trial for trial in best.values() if trial is not None]


def _failures(wanted: Search) -> list[str]:
    """What keeps trials from being judged, a line for each; a run that diverged has been judged."""
    store, found = Store(wanted.plan.out), []
    for run in wanted.plan.runs:
        left = store.reader_for(run)
        record = left.read_record()
        if record is None or not (record.status == "done" or record.diverged):
            why = (record.error or "").strip().splitlines() if record is not None else []
            found.append(f"{run.label}: {why[-1] if why else 'it left no record'} ({left.path})")
    return found


def _trials(wanted: Search) -> list[Trial]:
    """What the runs scored; those of one row and point are as many as there are tuning seeds, one
    after the other.
    """
    store, runs = Store(wanted.plan.out), wanted.plan.runs
    each = len({run.seed for run in runs})
    per_point = len(runs) // len(wanted.points)
    found = []
    for start in range(0, len(runs), each):
        group = runs[start : start + each]
        records = [store.reader_for(run).read_record() for run in group]
        scores = [
            record.best_dev[task_of(group[0]).headline.key]
            if record is not None and record.status == "done"
            else None
            for record in records
        ]
        known = [score for score in scores if score is not None]
        sampler, loss = group[0].combination
        ids = tuple(run.run_id for run in group)
        score = math.fsum(known) / each if len(known) == each else None
        found.append(
            Trial(
                group[0].dataset.spec, sampler, loss, wanted.points[start // per_point], score, ids
            )
        )
    return found


def _csv(trials: Sequence[Trial], score: str) -> str:
    """A line per trial, `score` the name of its column; the score of one that diverged is empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(
        [
            "dataset",
            "sampler",
            "loss",
            *trials[0].point,
            score,
            "run_ids",
        ]
    )
    for trial in trials:
        writer.writerow(
            [
                *trial.row,
                *trial.point.values(),
                "" if trial.score is None else trial.score,
                " ".join(trial.run_ids),
            ]
        )
    return text.getvalue()
