"""What `vsebench run --dry-run` says: a row per run, and what the runs that are left will take."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vsebench.cli.shared.options import RUNS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vsebench.grid.plan import Plan
    from vsebench.results.run_base import RunBase

_ID = 10


def plan_text(plan: Plan) -> str:
    """The runs in the order of the plan, and what is left to do."""
    from vsebench.grid.run import pending, run_state
    from vsebench.report.listing import listing, with_notes
    from vsebench.report.wording import count
    from vsebench.results.folder.store import Store
    from vsebench.results.tasks import task_of

    store = Store(plan.out)
    left = {run.run_id: run for run in pending(plan, store)}
    several = len({run.dataset.spec for run in plan.runs}) > 1
    heads = [
        "run",
        *(["dataset"] if several else []),
        task_of(plan.runs[0]).compared,
        "loss",
        "seed",
        "role",
        "needs",
        "state",
    ]
    rows = []
    for run in plan.runs:
        state = run_state(store.reader_for(run))
        rows.append(
            [
                run.run_id[:_ID],
                *([run.dataset.spec] if several else []),
                *run.combination,
                run.seed,
                "support" if run.run_id in plan.support else "row",
                ", ".join(run_id[:_ID] for run_id in run.depends_on),
                "pending" if state == "done" and run.run_id in left else state,
            ]
        )
    notes = [
        (
            f"{count(len(rows), 'run')}, {min(plan.workers, len(rows))} at a time, on device "
            f"{plan.runs[0].device}, in {plan.out}"
        ),
        *_taken(list(left.values()), plan),
        *_protocols(plan),
    ]
    return with_notes(listing(heads, rows), notes)


def _taken(left: Sequence[RunBase], plan: Plan) -> list[str]:
    """A line on time and disk, where runs like these are done; else none."""
    from vsebench.grid.estimate import done_runs, estimate
    from vsebench.report.wording import bytes_text, count, duration

    folders = [folder for folder in dict.fromkeys((plan.out, RUNS)) if folder.is_dir() and left]
    found = estimate(left, done_runs(folders), min(plan.workers, len(plan.runs)))
    if found is None:
        return []
    size = "" if found.bytes is None else f" and {bytes_text(found.bytes)}"
    other = found.runs - found.by_row
    like = ", ".join(
        text
        for text, number in (
            (f"{found.by_row} from other seeds of the same rows", found.by_row),
            (f"{other} from runs of other rows", other),
        )
        if number
    )
    unlike = (
        f"; not counting {count(found.unlike, 'run')} unlike any done run" if found.unlike else ""
    )
    places = " and ".join(map(str, folders))
    return [
        (
            f"about {duration(found.seconds)}{size} for {count(found.runs, 'run')}, from "
            f"{count(found.records, 'record')} in {places} ({like}){unlike}"
        )
    ]


def _protocols(plan: Plan) -> list[str]:
    """A line per data set."""
    lines = []
    for spec in dict.fromkeys(run.dataset.spec for run in plan.runs):
        runs = [run for run in plan.runs if run.dataset.spec == spec]
        tuned = sorted({key for run in runs for key in run.tuned_keys})
        changes = ", ".join(
            f"{key}={value}" for key, value in runs[0].protocol_changes.items() if key not in tuned
        )
        by_row = f"; {', '.join(tuned)} tuned for each row" if tuned else ""
        preset = f"protocol {runs[0].protocol.name}{' with ' if changes else ''}{changes}"
        lines.append(f"{spec}: {preset}{by_row}")
    return lines
