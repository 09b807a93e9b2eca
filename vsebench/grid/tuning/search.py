"""A search, planned: the points that compete for each row, and the trials of each rung."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from vsebench.grid.plan import Plan, plan, with_concurrency
from vsebench.grid.tuned import study_seeds
from vsebench.grid.tuning.halving import Result, Rung, rungs, shares
from vsebench.grid.tuning.space import (
    default_space,
    near_duplicates,
    parse_space,
    point_text,
    sobol_points,
)
from vsebench.grid.tuning.trials import Rows
from vsebench.plugin.errors import SpecError
from vsebench.results.tasks import task_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from vsebench.grid.suite import Suite
    from vsebench.grid.tuning.halving import Select
    from vsebench.grid.tuning.space import Axis, Point
    from vsebench.results.run_base import Cell, RunBase

TRIALS = "trials"
"""The folder of the trials' runs."""

UNKNOWN = Result(None)
"""Of a trial that was not judged yet."""

FEWEST = 8
"""Configurations of a search; the luck of fewer exceeds what most methods differ by."""


@dataclass(frozen=True)
class Options:
    """How rows are searched.

    Attributes:
        space: the space; empty for a decade to each side of the protocol's own values.
        configurations: points tried for each row of each study.
        seeds: seeds of the trials in the first study, not those of the suite, so that nothing is
            chosen for its luck with them; each point is run with each.
        search_seed: names the points, with data set, row and study.
        studies: independent searches of every row.
        rungs: lengths of schedules; 1 trains every trial's whole.
        select: what a trial is chosen by.
        target: dev quality to reach, where trials are chosen by time.
    """

    space: str = ""
    configurations: int = 16
    seeds: tuple[int, ...] = (1000,)
    search_seed: int = 0
    studies: int = 1
    rungs: int = 3
    select: Select = "quality"
    target: float | None = None

    def __post_init__(self) -> None:
        if self.configurations < FEWEST:
            raise SpecError(
                f"--configurations {self.configurations}: what so few points find is mostly luck, "
                f"which no interval over seeds shows: try at least {FEWEST}"
            )
        if self.target is not None and not 0 < self.target < math.inf:
            raise SpecError(f"--target takes a dev quality above 0, got {self.target:g}")
        if (self.select == "time") != (self.target is not None):
            raise SpecError(
                "--select time and --target belong together: write --select time --target QUALITY, "
                "a dev quality that was fixed beforehand"
            )


@dataclass(frozen=True, eq=False)
class Contest:
    """One row in one study: its points compete.

    Attributes:
        cell: the row.
        study: number of the study.
        axes: axes of its space, with the keys of its runs.
        points: points in the order of the sequence.
        seeds: seeds of its trials.
    """

    cell: Cell
    study: int
    axes: tuple[Axis, ...]
    points: tuple[Point, ...]
    seeds: tuple[int, ...]

    @property
    def label(self) -> str:
        """How warnings name it."""
        return f"{self.cell.label} of study {self.study}" if self.study else self.cell.label


@dataclass(frozen=True)
class Trial:
    """A point of a contest on a rung.

    Attributes:
        contest: the contest.
        place: place of the point in the contest.
        rung: place of the rung.
        runs: one for each of the contest's seeds.
        needed: further runs that they depend on.
        result: what it came to; without a quality before it is judged.
        seconds: training seconds of its runs, with first rounds and mining.
    """

    contest: Contest
    place: int
    rung: int
    runs: tuple[RunBase, ...]
    needed: tuple[RunBase, ...] = ()
    result: Result = UNKNOWN
    seconds: float = 0.0

    @property
    def point(self) -> Point:
        return self.contest.points[self.place]


@dataclass(frozen=True)
class Search:
    """A search, planned.

    Attributes:
        suite: suite that is tuned, without what is searched.
        options: how it is searched; the space is written out.
        rows: the suite's rows.
        rungs: lengths of schedules.
        contests: every row in every study.
        plan: plan of the suite of one seed, whose executor and workers the trials have.
    """

    suite: Suite
    options: Options
    rows: Rows
    rungs: tuple[Rung, ...]
    contests: tuple[Contest, ...]
    plan: Plan
    warnings: tuple[str, ...] = field(default=())

    @property
    def keys(self) -> tuple[str, ...]:
        """What is searched of some row."""
        return tuple(dict.fromkeys(key for each in self.contests for key in each.points[0]))

    def trials(self, rung: int, places: Mapping[Contest, Sequence[int]]) -> list[Trial]:
        """Those of a rung, of each contest's points in these places."""
        return [
            self._trial(contest, place, rung)
            for contest, chosen in places.items()
            for place in chosen
        ]

    def first(self) -> list[Trial]:
        """The trials of the first rung."""
        return self.trials(0, {each: range(len(each.points)) for each in self.contests})

    def plan_of(self, trials: Sequence[Trial]) -> Plan:
        """The plan of some trials: run like others, in a folder of their own, and never rows."""
        runs: dict[str, RunBase] = {}
        notes: dict[str, str] = {}
        for trial in trials:
            for run in (*trial.needed, *trial.runs):
                runs.setdefault(run.run_id, run)
                notes.setdefault(run.run_id, point_text(trial.point))
        asked = {run.run_id for trial in trials for run in trial.runs}
        return replace(
            self.plan,
            runs=with_concurrency(tuple(runs.values()), self.plan.workers),
            support=frozenset(runs.keys() - asked),
            trials=notes,
            warnings=(),
        )

    def _trial(self, contest: Contest, place: int, rung: int) -> Trial:
        point, share = contest.points[place], self.rungs[rung].share
        made = [self.rows.trial(contest.cell, point, share, seed) for seed in contest.seeds]
        needed = tuple(run for each in made for run in each[:-1])
        return Trial(contest, place, rung, tuple(each[-1] for each in made), needed)


def plan_search(
    suite: Suite, options: Options, out: Path, reading: Callable[[str], None] | None = None
) -> Search:
    """Plans a search; nothing is written.

    Args:
        suite: suite whose rows are tuned. What is searched replaces what it sets for all rows.
        options: how it is searched.
        out: receives the trials.
        reading: function that is called with each data set before it is opened.

    Raises:
        VsebenchError: the suite is not as it must be, is tuned already, or shares a seed with the
            trials; or the space does not suit it.
    """
    if suite.tuned:
        raise SpecError("the suite is tuned already: remove its entries 'tuned' to tune it again")
    _check_seeds(suite.seeds, options)
    planned = plan(
        suite.model_copy(update={"seeds": options.seeds[:1], "out": str(out / TRIALS)}), reading
    )
    tunable = task_of(planned.runs[0]).tunable
    if tunable is None:
        raise SpecError(f"data set '{suite.dataset[0]}' serves a task whose rows are not tuned")
    rows = Rows.of(planned, tunable, suite.changes)
    protocols = [run.protocol for run in rows.cells.values()]
    space = options.space or default_space(tunable, protocols)
    parameters = rows.parameters
    axes = parse_space(space, tunable.keys, parameters.find)
    searched = {key for axis in axes for key in axis.keys}
    own = {cell: parameters.axes_of(cell, axes) for cell in rows.cells}
    contests = tuple(
        Contest(
            cell,
            study,
            own[cell],
            tuple(
                sobol_points(
                    own[cell],
                    options.configurations,
                    rows.search_key(cell, options.search_seed, study),
                )
            ),
            study_seeds(options.seeds, study),
        )
        for study in range(options.studies)
        for cell in rows.cells
    )
    return Search(
        suite.model_copy(
            update={"set": {key: v for key, v in suite.set.items() if key not in searched}}
        ),
        replace(options, space=space),
        rows,
        _merged(rungs(options.configurations, shares(options.rungs)), rows),
        contests,
        planned,
        tuple(_near(contests)),
    )


def _merged(ladder: Sequence[Rung], rows: Rows) -> tuple[Rung, ...]:
    """Without rungs on which every row would train as long as on the one before."""

    def lengths(rung: Rung) -> list[object]:
        if rung.share >= 1:
            return [{} for _ in rows.cells]
        return [rows.tunable.shortened(run.protocol, rung.share) for run in rows.cells.values()]

    found: list[Rung] = []
    for rung in ladder:
        if found and lengths(found[-1]) == lengths(rung):
            found[-1] = replace(found[-1], share=rung.share)
        else:
            found.append(rung)
    return tuple(found)


def _check_seeds(seeds: Sequence[int], options: Options) -> None:
    own = {seed for study in range(options.studies) for seed in study_seeds(seeds, study)}
    tried = {seed for study in range(options.studies) for seed in study_seeds(options.seeds, study)}
    if shared := sorted(own & tried):
        raise SpecError(
            f"seed {shared[0]} is the suite's own: tune with others, such as --trial-seeds "
            f"{max(own) + 1}"
        )


def _near(contests: Sequence[Contest]) -> Iterator[str]:
    for contest in contests:
        for one, other in near_duplicates(contest.points, contest.axes):
            yield (
                f"{contest.label}: two points are near-duplicates, "
                f"{point_text(contest.points[one])} and {point_text(contest.points[other])}"
            )
