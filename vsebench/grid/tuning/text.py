"""A search as text: what it is about to do, and what it chose."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vsebench.grid.tuning.race import Choice
    from vsebench.grid.tuning.search import Search, Trial


def rung_text(planned: Search, number: int) -> str:
    """How many trials of what length a rung has."""
    rung, rows = planned.rungs[number], planned.rows
    (first, *_) = rows.cells.values()
    shorter = rows.tunable.shortened(first.protocol, rung.share) if rung.share < 1 else {}
    length = ", ".join(f"{key}={value:g}" for key, value in shorter.items()) or "the whole schedule"
    runs = rung.trials * len(planned.contests) * len(planned.options.seeds)
    return (
        f"rung {number + 1} of {len(planned.rungs)}: {rung.trials} points a row, {length}; "
        f"{runs} trials"
    )


def outlook(planned: Search) -> str:
    """The points of every row with the state of their first trials, and what follows."""
    from tabulate import tabulate

    from vsebench.grid.run import run_state
    from vsebench.grid.tuning.space import point_text
    from vsebench.results.folder.store import Store

    store = Store(planned.plan.out)
    rows = [
        (
            trial.contest.cell.label,
            trial.contest.study,
            point_text(trial.point),
            run.seed,
            run_state(store.reader_for(run)),
        )
        for trial in planned.first()
        for run in trial.runs
    ]
    table = tabulate(
        rows, ("row", "study", "point", "seed", "state"), tablefmt="simple", disable_numparse=True
    )
    text = [rung_text(planned, number) for number in range(len(planned.rungs))]
    device = planned.plan.runs[0].device
    return "\n".join([table, "", *text, f"{planned.plan.workers} at a time, on device {device}"])


def first_rung(planned: Search, trials: Sequence[Trial]) -> dict[str, dict[str, list[float]]]:
    """Qualities of the first rung by data set and row, of all studies; a trial that diverged counts
    as 0.
    """
    found: dict[str, dict[str, list[float]]] = {}
    for contest in planned.contests:
        row = contest.cell.label.removeprefix(f"{contest.cell.dataset} × ")
        found.setdefault(contest.cell.dataset, {}).setdefault(row, []).extend(
            trial.result.quality or 0.0
            for trial in trials
            if trial.contest is contest and trial.rung == 0
        )
    return found


def table(planned: Search, trials: Sequence[Trial], choices: Sequence[Choice]) -> str:
    """Each choice, and how far the points of its row lie apart."""
    from tabulate import tabulate

    from vsebench.grid.tuning.space import value_text

    headline, several = planned.rows.task.headline, planned.options.studies > 1
    rows = []
    for choice in choices:
        contest, best = choice.best.contest, choice.best
        first = [trial for trial in trials if trial.contest is contest and trial.rung == 0]
        known = [quality for trial in first if (quality := trial.result.quality) is not None]
        rows.append(
            [
                contest.cell.label,
                *([str(contest.study)] if several else []),
                *(
                    value_text(best.point[key]) if key in best.point else "–"
                    for key in planned.keys
                ),
                headline.text(best.result.quality or 0.0),
                f"{headline.text(min(known))} to {headline.text(max(known))}",
                str(len(first)),
                str(len(first) - len(known)),
                f"{choice.seconds:.0f}",
                ", ".join(choice.tuned_at_edge),
            ]
        )
    heads = [
        "row",
        *(["study"] if several else []),
        *planned.keys,
        f"dev {headline.heading}",
        "first rung",
        "points",
        "diverged",
        "seconds",
        "at an edge",
    ]
    text = tabulate(rows, heads, tablefmt="simple", disable_numparse=True)
    notes = [_agreement(planned, trials, rung) for rung in range(len(planned.rungs) - 1)]
    return "\n".join([text, *([""] if notes else []), *notes])


def _agreement(planned: Search, trials: Sequence[Trial], rung: int) -> str:
    """Whether a rung had put the points that went on in the order of the next."""
    from vsebench.grid.tuning.halving import agreement

    found = {(t.contest, t.place, t.rung): t.result.quality for t in trials}
    pairs = [
        [
            (before, after)
            for place in range(len(contest.points))
            if (before := found.get((contest, place, rung))) is not None
            and (after := found.get((contest, place, rung + 1))) is not None
        ]
        for contest in planned.contests
    ]
    tau, number = agreement(pairs)
    return (
        f"Rungs {rung + 1} and {rung + 2} on the points that went on: Kendall's tau {tau:.2f} over "
        f"{number} pair{'s' * (number != 1)}."
    )
