"""What a search leaves behind: every trial as a line of `trials.csv`, and `suite.toml`, the suite
with the values of every row.
"""

from __future__ import annotations

import csv
import io
import shlex
from typing import TYPE_CHECKING

from vsebench.files import write_text
from vsebench.grid.suite import load_suite, suite_text
from vsebench.grid.tuned import Found, Tuned
from vsebench.grid.tuning.space import point_text, value_text
from vsebench.plugin.errors import SpecError, VsebenchError
from vsebench.text import no_formula

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from vsebench.grid.suite import Suite
    from vsebench.grid.tuning.race import Choice
    from vsebench.grid.tuning.search import Search, Trial

SUITE = "suite.toml"
CSV = "trials.csv"

_RUNS_ALIKE = {"seeds", "out", "data_root", "workers", "executor", "tuned"}
"""Keys of a suite that leave its rows and their conditions as they are."""


def write(
    wanted: Search, trials: Sequence[Trial], choices: Sequence[Choice], out: Path, command: str
) -> None:
    """Writes both files.

    Args:
        wanted: the search.
        trials: every trial.
        choices: choice of every row in every study.
        out: the folder.
        command: command that repeats the search; the suite names it.
    """
    write_text(out / CSV, trials_csv(wanted, trials))
    tuned = tuple(_entry(choice, wanted) for choice in choices)
    points = f"{wanted.options.configurations} points a row"
    studies = wanted.options.studies
    if studies > 1:
        points += f" in each of {studies} studies"
    write_text(
        out / SUITE,
        suite_text(
            wanted.suite.model_copy(update={"tuned": tuned}), f"Tuned with {points}: {command}"
        ),
    )


def _entry(choice: Choice, wanted: Search) -> Tuned:
    cell = choice.best.contest.cell
    return Tuned(
        **cell._asdict(),
        study=choice.best.contest.study,
        set=choice.best.point,
        tuning=Found(
            configurations=wanted.options.configurations,
            seconds=round(choice.seconds, 3),
            tuned_at_edge=choice.tuned_at_edge,
        ),
    )


def trials_csv(wanted: Search, trials: Sequence[Trial]) -> str:
    """A line per trial; the quality of one that diverged is empty."""
    axes = [
        axis
        for axis in ("dataset", "pooling", "similarity", "sampler", "loss")
        if any(getattr(contest.cell, axis) is not None for contest in wanted.contests)
    ]
    quality = f"dev_{wanted.rows.task.headline.key}"
    target = [] if wanted.options.target is None else ["steps_to_target"]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    heads = ["study", "configuration", "rung", "share", *wanted.keys, quality, *target, "seconds"]
    writer.writerow(map(no_formula, [*axes, *heads, "run_ids"]))
    for trial in trials:
        cells = (
            *(getattr(trial.contest.cell, axis) or "" for axis in axes),
            trial.contest.study,
            trial.place,
            trial.rung,
            f"{wanted.rungs[trial.rung].share:.4g}",
            *(trial.point.get(key, "") for key in wanted.keys),
            *_blank(trial.result.quality),
            *(_blank(trial.result.arrival) if target else ()),
            f"{trial.seconds:.3f}",
            " ".join(run.run_id for run in trial.runs),
        )
        writer.writerow(map(no_formula, cells))
    return text.getvalue()


def _blank(value: float | None) -> list[object]:
    return ["" if value is None else value]


def warnings(wanted: Search, choices: Sequence[Choice]) -> Iterator[str]:
    """What a reader of the choices should know: those at an end of a range, and those made by
    quality because no trial arrived.
    """
    for choice in choices:
        contest, point = choice.best.contest, choice.best.point
        ends = {key: axis for axis in contest.axes for key in axis.keys if not axis.choices}
        if choice.tuned_at_edge:
            at = ", ".join(
                f"{key}={value_text(point[key])} of {ends[key].low:g}..{ends[key].high:g}"
                for key in choice.tuned_at_edge
            )
            yield (
                f"{contest.label}: the best lies at an end of what was searched ({at}): widen the "
                "space there; until then the row counts as tuned at an edge"
            )
        if wanted.options.select == "time" and choice.best.result.arrival is None:
            yield (
                f"{contest.label}: no trial reached {wanted.options.target:g}, so that quality "
                f"chose {point_text(point)}"
            )


def refuse_other(suite: Suite, out: Path, source: Path | None) -> None:
    """Refuses a folder that holds the tuning of another suite, or the very suite that is tuned.

    Args:
        suite: suite that is to be tuned.
        out: the folder.
        source: file of the suite.

    Raises:
        SpecError: what is there would be replaced.
    """
    there = out / SUITE
    if not there.is_file():
        return
    if source is not None and source.exists() and there.samefile(source):
        raise SpecError(f"{source} would be overwritten by its tuned copy: give another --out")
    try:
        before = load_suite(there)
    except VsebenchError as error:
        raise SpecError(
            f"{there} would be replaced and is no suite ({error}): give another --out, or delete it"
        ) from error
    searched = {key for entry in before.tuned for key in entry.set}
    if _rows(before, searched) != _rows(suite, searched):
        raise SpecError(
            f"{there} holds the tuning of another suite and would be replaced: give another --out, "
            "or delete it"
        )


def _rows(suite: Suite, searched: set[str]) -> dict[str, object]:
    values = suite.model_dump(exclude=_RUNS_ALIKE)
    return {**values, "set": {key: v for key, v in values["set"].items() if key not in searched}}


def command_of(wanted: Search, suite: str | None, given: Mapping[str, object], out: Path) -> str:
    """The command that repeats a search.

    Args:
        wanted: the search.
        suite: file of the suite.
        given: options of the suite, by name.
        out: folder of the search.
    """
    points = wanted.options.configurations
    options = {**given, **searched(wanted), "configurations": points, "out": out}
    words = ["vsebench", "tune", *([suite] if suite else [])]
    for key, value in options.items():
        option = _option(key)
        if value is True:
            words.append(option)
        elif isinstance(value, list):
            words += [word for item in value for word in (option, str(item))]
        elif value is not None and value is not False:
            words += [option, str(value)]
    return shlex.join(words)


def refuse_other_search(tuned: Path, wanted: Mapping[str, str]) -> None:
    """Refuses to replace a suite that another search tuned; more points of the same may.

    Args:
        tuned: file of the suite.
        wanted: options of the search, as `searched` has them.

    Raises:
        SpecError: it was tuned otherwise.
    """
    if not tuned.is_file():
        return
    try:
        written = shlex.split(tuned.read_text(encoding="utf-8").partition("\n")[0])
    except ValueError:  # words of a person's own, not a command
        written = []
    for key, value in wanted.items():
        option = _option(key)
        before = written[written.index(option) + 1] if option in written[:-1] else value
        if before != value:
            raise SpecError(
                f"{tuned} was tuned with {option} '{before}' and would be replaced by a search "
                f"with '{value}': give another --out, or delete it"
            )


def searched(wanted: Search) -> dict[str, str]:
    """The options of a search, but for how many points it tries."""
    options = wanted.options
    found = {
        "space": options.space,
        "trial_seeds": ",".join(map(str, options.seeds)),
        "search_seed": str(options.search_seed),
        "studies": str(options.studies),
        "rungs": str(options.rungs),
        "select": options.select,
    }
    return found if options.target is None else {**found, "target": f"{options.target:g}"}


def _option(key: str) -> str:
    return f"--{key.replace('_', '-')}"
