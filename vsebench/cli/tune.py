"""`vsebench tune`: learning rate and the like of every row of a suite, with equal effort for each
row.
"""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from vsebench.cli.run import SOME_FAILED
from vsebench.cli.shared.options import PluginFiles, Quiet, StrictData  # noqa: TC001  # typer reads annotations at run time
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
    Poolings,
    ProtocolName,
    Samplers,
    Seeds,
    Similarities,
    SuiteFile,
    Workers,
    suite_from,
)
from vsebench.plugin.errors import SpecError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager

    from vsebench.grid.plan import Plan
    from vsebench.grid.tuning.race import Watch
    from vsebench.grid.tuning.search import Search
    from vsebench.plugin.executors import Report


def tune_command(
    suite: SuiteFile = None,
    space: Annotated[
        str,
        typer.Option(
            metavar="KEY=VALUES,…",
            help="What to search: lr=0.001..0.1 (logarithmic), l2_image+l2_label=0|0.001 (one "
            "value for both), triplet:margin=0.05..0.4 (a parameter, in rows that have it). "
            "[default: the protocol's lr, and for annotation its decay, from a tenth to ten "
            "times]",
            show_default=False,
        ),
    ] = "",
    configurations: Annotated[
        int, typer.Option(metavar="N", help="Points to try per row, at least 8.")
    ] = 16,
    rungs: Annotated[
        int,
        typer.Option(
            min=1,
            metavar="N",
            help="Rungs of successive halving: each trains three times as long, on a third of "
            "the points; with 1 every trial trains in full.",
        ),
    ] = 3,
    studies: Annotated[
        int,
        typer.Option(
            min=1,
            metavar="K",
            help="Independent searches per row; the choice of each is run, so that intervals "
            "include the variance of tuning.",
        ),
    ] = 1,
    select: Annotated[
        Literal["quality", "time"],
        typer.Option(help="Select by dev quality, or by the steps to reach --target."),
    ] = "quality",
    target: Annotated[
        float | None,
        typer.Option(
            metavar="QUALITY",
            help="The dev quality to reach, fixed beforehand.",
            show_default=False,
        ),
    ] = None,
    trial_seeds: Annotated[
        str,
        typer.Option(
            metavar="SEEDS",
            help="Seeds of the trials, which differ from the suite's; each point is run once "
            "with each.",
        ),
    ] = "1000",
    search_seed: Annotated[
        int, typer.Option(min=0, metavar="SEED", help="Seed of the points.")
    ] = 0,
    out: Annotated[
        Path,
        typer.Option(
            metavar="DIR", help="Output folder, with the trials' runs, trials.csv and suite.toml."
        ),
    ] = Path("tuned"),
    plot: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Draw the expected best quality by number of points, for every row.",
            show_default=False,
        ),
    ] = None,
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
    plugin: PluginFiles = None,
    strict_data: StrictData = False,
    dry_run: DryRun = False,
    quiet: Quiet = False,
) -> None:
    """Tune the learning rate, or other keys and parameters, of every row of a suite with an equal
    budget, and write the suite with the best values on dev. Done trials are skipped, interrupted
    ones resume.
    """
    from vsebench.cli.shared.tune_text import first_rung, outlook, table
    from vsebench.grid.forking import preloading_for
    from vsebench.grid.suite_fields import parse_seeds
    from vsebench.grid.tuning.race import TrialsError, search
    from vsebench.grid.tuning.search import Options, plan_search
    from vsebench.grid.tuning.written import SUITE, refuse_other, warnings, write
    from vsebench.report.figures.file import check_figure
    from vsebench.report.statistics.expected_best import plot as draw

    if plot is not None:
        check_figure(plot)
    options = Options(
        space,
        configurations,
        parse_seeds(trial_seeds),
        search_seed,
        studies,
        rungs,
        select,
        target,
    )
    given: dict[str, Any] = {
        "dataset": dataset,
        "data_root": data_root,
        "pooling": pooling,
        "similarity": similarity,
        "loss": loss,
        "sampler": sampler,
        "seeds": seeds,
        "epochs": epochs,
        "protocol": protocol,
        "device": device,
        "workers": workers,
        "executor": executor,
        "address": address,
        "plugin": plugin,
        "strict_data": strict_data,
    }
    wanted = suite_from(suite, changes=changes, **given)
    refuse_other(wanted, out, None if suite is None else Path(suite))

    def reading(dataset: str) -> None:
        if not quiet and not dry_run:
            typer.echo(f"vsebench: reading {dataset} and planning its trials", err=True)

    with preloading_for(wanted):
        planned = plan_search(wanted, options, out, reading)
        searched = _searched(planned)
        _refuse_other_search(out / SUITE, searched)
        for warning in (*planned.plan.warnings, *planned.warnings):
            typer.echo(f"vsebench: warning: {warning}", err=True)
        if dry_run:
            typer.echo(outlook(planned))
            return
        try:
            trials, choices = search(planned, _announced(planned, quiet=quiet))
        except TrialsError as error:
            lines = (f"vsebench: failed: {reason}" for reason in error.reasons)
            typer.echo("\n".join([*lines, f"vsebench: error: {error}"]), err=True)
            raise typer.Exit(SOME_FAILED) from error
        except KeyboardInterrupt as interrupt:
            interrupt.args = ("the same command resumes where this one stopped",)
            raise
    given |= {"set": changes, **searched, "configurations": configurations, "out": out}
    write(planned, trials, choices, out, _command(suite, given))
    if plot is not None:
        draw(first_rung(planned, trials), planned.rows.task.headline.heading, plot)
    for warning in warnings(planned, choices):
        typer.echo(f"vsebench: warning: {warning}", err=True)
    typer.echo(table(planned, trials, choices))
    typer.echo(f"\nnext: vsebench run {shlex.quote(str(out / SUITE))}")


def _searched(planned: Search) -> dict[str, str]:
    """The options of a search, but for how many points it tries."""
    options = planned.options
    found = {
        "space": options.space,
        "trial_seeds": ",".join(str(seed) for seed in options.seeds),
        "search_seed": str(options.search_seed),
        "studies": str(options.studies),
        "rungs": str(options.rungs),
        "select": options.select,
    }
    return found if options.target is None else {**found, "target": f"{options.target:g}"}


def _command(suite: str | None, given: Mapping[str, object]) -> str:
    """The command that repeats a search."""
    words = ["vsebench", "tune", *([suite] if suite else [])]
    for key, value in given.items():
        option = f"--{key.replace('_', '-')}"
        if value is True:
            words.append(option)
        elif isinstance(value, list):
            words += [word for item in value for word in (option, str(item))]
        elif value is not None and value is not False:
            words += [option, str(value)]
    return shlex.join(words)


def _refuse_other_search(tuned: Path, wanted: Mapping[str, str]) -> None:
    """A suite that was tuned otherwise is not replaced; more points of the same search are."""
    if not tuned.is_file():
        return
    try:
        written = shlex.split(tuned.read_text(encoding="utf-8").partition("\n")[0])
    except ValueError:  # words of a person's own, not a command
        written = []
    for key, value in wanted.items():
        option = f"--{key.replace('_', '-')}"
        before = written[written.index(option) + 1] if option in written[:-1] else value
        if before != value:
            raise SpecError(
                f"{tuned} was tuned with {option} '{before}' and would be replaced by a search "
                f"with '{value}': give another --out, or delete it"
            )


def _announced(planned: Search, *, quiet: bool) -> Watch:
    """Names each rung before the progress of its trials."""
    from vsebench.cli.shared.progress import progress
    from vsebench.cli.shared.tune_text import rung_text

    numbers = iter(range(len(planned.rungs)))

    def watch(plan: Plan) -> AbstractContextManager[Report | None]:
        if not quiet:
            typer.echo(f"vsebench: {rung_text(planned, next(numbers))}", err=True)
        return progress(plan, quiet=quiet)

    return watch
