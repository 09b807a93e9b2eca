"""`vsebench run`: the main job."""

from __future__ import annotations

import shlex
import shutil
from contextlib import nullcontext
from pathlib import Path  # noqa: TC003  # typer reads annotations at run time
from typing import TYPE_CHECKING, Annotated

import typer

from vsebench.cli.shared.options import KeepModelOfSuite, PluginFiles, Quiet, StrictData  # noqa: TC001  # typer reads annotations at run time
from vsebench.cli.shared.plan_text import plan_text
from vsebench.cli.shared.suite_options import (
    Address,
    Changes,
    DataRoots,
    Datasets,
    DeviceName,
    DryRun,
    Epochs,
    ExecutorName,
    Losses,
    MaxRuns,
    Poolings,
    ProtocolName,
    RunTimeout,
    Samplers,
    Seeds,
    Similarities,
    StallTimeout,
    SuiteFile,
    Workers,
    suite_from,
)
from vsebench.plugin.errors import SpecError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vsebench.grid.plan import Plan
    from vsebench.grid.run import GridOutcome
    from vsebench.grid.suite import Suite
    from vsebench.report.results import Results

SOME_FAILED = 1


def run_command(
    suite: SuiteFile = None,
    dataset: Datasets = None,
    data_root: DataRoots = None,
    pooling: Poolings = None,
    similarity: Similarities = None,
    loss: Losses = None,
    sampler: Samplers = None,
    seeds: Seeds = None,
    epochs: Epochs = None,
    protocol: ProtocolName = None,
    changes: Changes = None,
    device: DeviceName = None,
    workers: Workers = None,
    executor: ExecutorName = None,
    address: Address = None,
    max_runs: MaxRuns = None,
    run_timeout: RunTimeout = None,
    stall_timeout: StallTimeout = None,
    out: Annotated[
        str | None, typer.Option(help="Output folder, with a directory per run. [default: runs]")
    ] = None,
    plugin: PluginFiles = None,
    strict_data: StrictData = False,
    claims: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Run under the claims of this file, which names the suite: records hold its "
            "digest.",
        ),
    ] = None,
    keep: KeepModelOfSuite = None,
    track: Annotated[
        str,
        typer.Option(
            metavar="NAME,…",
            help="Trackers of the runs: tensorboard, wandb. [default: $VSEBENCH_TRACK]",
            show_default=False,
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

    wanted = suite_from(
        suite,
        changes=changes,
        dataset=dataset,
        data_root=data_root,
        pooling=pooling,
        similarity=similarity,
        loss=loss,
        sampler=sampler,
        seeds=seeds,
        epochs=epochs,
        protocol=protocol,
        device=device,
        workers=workers,
        executor=executor,
        address=address,
        max_runs=max_runs,
        run_timeout=run_timeout,
        stall_timeout=stall_timeout,
        out=out,
        plugin=plugin,
        keep=keep,
        strict_data=strict_data,
    )
    if seeds is not None and seeds.isdigit() and int(seeds) > 1:
        last = int(seeds) - 1
        said = f"--seeds {seeds} is the one seed {seeds}; {seeds} seeds are 0-{last}"
        typer.echo(f"vsebench: {said}", err=True)
    digest = _digest(claims, suite, wanted) if claims is not None else ""

    def reading(dataset: str) -> None:
        if not quiet and not dry_run:
            typer.echo(f"vsebench: reading {dataset} and planning its runs", err=True)

    trackers = tracked(split_list(track) if track else (), wanted.plugin)
    with trackers, nullcontext() if dry_run else preloading_for(wanted):
        from vsebench.grid.plan import plan  # torch: the other process has begun to load it, too

        planned = plan(wanted, reading, digest)
        for warning in planned.warnings:
            typer.echo(f"vsebench: warning: {warning}", err=True)
        if dry_run:
            typer.echo("\n\n".join(filter(None, (plan_text(planned), _preview(planned)))))
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


def _preview(plan: Plan) -> str:
    """What the executor says that it would do; empty where it says nothing."""
    from vsebench.grid.run import executor_of, jobs_of
    from vsebench.results.folder.store import Store

    preview = getattr(executor_of(plan), "preview", None)
    return "" if preview is None else str(preview(jobs_of(plan, Store(plan.out))))


def _run(plan: Plan, *, quiet: bool) -> int:
    from vsebench.cli.shared.progress import progress
    from vsebench.grid.run import run_plan
    from vsebench.report.results import results_of
    from vsebench.report.tables.formats import WIDTH

    try:
        with progress(plan, quiet=quiet) as report:
            outcome = run_plan(plan, reporter=report)
    except KeyboardInterrupt as interrupt:
        interrupt.args = ("the same command resumes where this one stopped",)
        raise
    results = results_of(outcome.out, outcome.run_ids)
    typer.echo(results.table(width=shutil.get_terminal_size((WIDTH, 1)).columns))
    _list_failures(plan, outcome)
    if not quiet:
        if len(outcome.skipped) == len(plan.runs):
            typer.echo("vsebench: nothing to do: every run was done before", err=True)
        for line in _next(results, outcome.out):
            typer.echo(f"vsebench: {line}", err=True)
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
            found = "" if frozenset((best, second)) in told.pairs else "in"
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
            typer.echo(
                f"vsebench: {status}: {run.label}: {reason[-1] if reason else 'no record'} "
                f"({directory.path})",
                err=True,
            )
