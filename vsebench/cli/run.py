"""`vsebench run`: the main job."""

from __future__ import annotations

import shlex
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vsebench.cli.shared.messages import SOME_FAILED, resumable, say, warn
from vsebench.cli.shared.options import RUNS, Quiet
from vsebench.cli.shared.suite_options import (
    DryRun,
    SuiteFile,
    SuiteOptions,
    suite_from,
    takes_suite,
)
from vsebench.plugin.errors import SpecError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vsebench.grid.plan import Plan
    from vsebench.grid.run import GridOutcome
    from vsebench.grid.suite import Suite
    from vsebench.report.results import Results
    from vsebench.results.run_base import RunBase


@takes_suite()
def run_command(
    suite: SuiteFile = None,
    *,
    options: SuiteOptions,
    claims: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Run under the claims of this file, which names the suite: records hold its "
            "digest.",
        ),
    ] = None,
    track: Annotated[
        str,
        typer.Option(
            metavar="NAME,…",
            help="Trackers of the runs: tensorboard, wandb. [default: $VSEBENCH_TRACK]",
        ),
    ] = "",
    dry_run: DryRun = False,
    quiet: Quiet = False,
) -> None:
    """Train and compare every combination of poolings and losses, or of samplers and losses. Done
    runs are skipped, interrupted ones resume.
    """
    from vsebench.grid.forking import preloading_for
    from vsebench.plugin.host.trackers import tracked
    from vsebench.plugin.specs import split_list

    wanted = suite_from(suite, options)
    seeds = options["seeds"]
    if seeds is not None and seeds.isdigit() and int(seeds) > 1:
        last = int(seeds) - 1
        say(f"--seeds {seeds} is the one seed {seeds}; {seeds} seeds are 0-{last}")
    digest = _digest(claims, suite, wanted) if claims is not None else ""

    def reading(dataset: str) -> None:
        if not quiet and not dry_run:
            say(f"reading {dataset} and planning its runs")

    trackers = tracked(split_list(track) if track else (), wanted.plugin)
    with trackers, nullcontext() if dry_run else preloading_for(wanted):
        from vsebench.grid.plan import plan  # torch: the other process has begun to load it, too

        planned = plan(wanted, reading, digest)
        for warning in planned.warnings:
            warn(warning)
        if dry_run:
            typer.echo("\n\n".join(filter(None, (_plan_text(planned), _preview(planned)))))
        else:
            raise typer.Exit(_run(planned, quiet=quiet))


def _digest(claims: Path, suite: str | None, wanted: Suite) -> str:
    from vsebench.claims.file import load_claims
    from vsebench.plugin.host.loader import load_plugins

    if suite is None:
        raise SpecError("--claims needs the suite file that the claims name: vsebench run SUITE …")
    held = load_claims(claims)
    digest = held.digest_for(suite, wanted)
    held.check_rows(digest, load_plugins(wanted.plugin).registry)
    return digest


def _plan_text(plan: Plan) -> str:
    """The runs in the order of the plan, and what is left to do."""
    from vsebench.grid.run import pending, run_state
    from vsebench.report.listing import listing, with_notes
    from vsebench.report.wording import count
    from vsebench.results.folder.listing import ID_DIGITS
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
                run.run_id[:ID_DIGITS],
                *([run.dataset.spec] if several else []),
                *run.combination,
                run.seed,
                "support" if run.run_id in plan.support else "row",
                ", ".join(run_id[:ID_DIGITS] for run_id in run.depends_on),
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


def _preview(plan: Plan) -> str:
    """What the executor says that it would do; empty where it says nothing."""
    from vsebench.grid.run import executor_of, jobs_of
    from vsebench.results.folder.store import Store

    preview = getattr(executor_of(plan), "preview", None)
    return "" if preview is None else str(preview(jobs_of(plan, Store(plan.out))))


def _run(plan: Plan, *, quiet: bool) -> int:
    from vsebench.cli.shared.progress import progress
    from vsebench.grid.run import run_plan
    from vsebench.report.listing import terminal_width
    from vsebench.report.results import results_of
    from vsebench.report.tables.formats import WIDTH

    with resumable(), progress(plan, quiet=quiet) as report:
        outcome = run_plan(plan, reporter=report)
    results = results_of(outcome.out, outcome.run_ids)
    typer.echo(results.table(width=terminal_width(WIDTH)))
    _list_failures(plan, outcome)
    if not quiet:
        if len(outcome.skipped) == len(plan.runs):
            say("nothing to do: every run was done before")
        for line in _next(results, outcome.out):
            say(line)
    return SOME_FAILED if outcome.failed or outcome.blocked else 0


def _next(results: Results, out: Path) -> Iterator[str]:
    """What stands out, and what to do with the runs."""
    from vsebench.report.statistics.ties import differences_told
    from vsebench.report.wording import name

    shown = shlex.quote(str(out))
    reference = ""
    for block in results.blocks:
        told = differences_told(block.section, block.level)
        if len(told.rows) > 1:
            best, second, *_ = told.rows
            reference = reference or ",".join(second)
            found = "" if told.apart[0, 1] else "in"
            yield (
                f"best on {block.section.dataset}: {name(best)}, {found}distinguishable from "
                f"{name(second)}"
            )
    yield f"the runs are in {shown}; a page of them: vsebench report {shown} --html {shown}.html"
    if reference:
        yield f"what differs: vsebench compare {shown} --to {shlex.quote(reference)}"


def _list_failures(plan: Plan, outcome: GridOutcome) -> None:
    from vsebench.results.folder.store import Store

    store = Store(plan.out)
    for run in plan.runs:
        if run.run_id in (*outcome.failed, *outcome.blocked):
            directory = store.directory_for(run)
            record = directory.read_record()
            reason = (record.error if record and record.error else "").strip().splitlines()
            status = "failed" if run.run_id in outcome.failed else "blocked"
            say(
                f"{status}: {run.label}: {reason[-1] if reason else 'no record'} ({directory.path})"
            )
