"""`vsebench tune`: learning rate and the like of every row of a suite, with equal effort for each
row.
"""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from vsebench.cli.shared.messages import SOME_FAILED, resumable, say, warn
from vsebench.cli.shared.options import Quiet
from vsebench.cli.shared.suite_options import (
    DryRun,
    SuiteFile,
    SuiteOptions,
    suite_from,
    takes_suite,
)

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from vsebench.grid.plan import Plan
    from vsebench.grid.tuning.race import Watch
    from vsebench.grid.tuning.search import Search
    from vsebench.plugin.jobs import Report


@takes_suite(but=("max_runs", "run_timeout", "stall_timeout", "out", "keep"))
def tune_command(
    suite: SuiteFile = None,
    *,
    space: Annotated[
        str,
        typer.Option(
            metavar="KEY=VALUES,…",
            help="What to search: lr=0.001..0.1 (logarithmic), l2_image+l2_label=0|0.001 (one "
            "value for both), triplet:margin=0.05..0.4 (a parameter, in rows that have it). "
            "[default: the protocol's lr, and for annotation its decay, from a tenth to ten "
            "times]",
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
        typer.Option(metavar="QUALITY", help="The dev quality to reach, fixed beforehand."),
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
        ),
    ] = None,
    options: SuiteOptions,
    dry_run: DryRun = False,
    quiet: Quiet = False,
) -> None:
    """Tune the learning rate, or other keys and parameters, of every row of a suite with an equal
    budget, and write the suite with the best values on dev. Done trials are skipped, interrupted
    ones resume.
    """
    from vsebench.grid.forking import preloading_for
    from vsebench.grid.suite_fields import parse_seeds
    from vsebench.grid.tuning.race import TrialsError, search
    from vsebench.grid.tuning.search import Options, plan_search
    from vsebench.grid.tuning.text import first_rung, outlook, table
    from vsebench.grid.tuning.written import (
        SUITE,
        command_of,
        refuse_other,
        refuse_other_search,
        searched,
        warnings,
        write,
    )
    from vsebench.report.figures.save import check_figure, write_figure
    from vsebench.report.figures.tried import search_figure

    if plot is not None:
        check_figure(plot)
    asked = Options(
        space, configurations, parse_seeds(trial_seeds), search_seed, studies, rungs, select, target
    )
    wanted = suite_from(suite, options)
    refuse_other(wanted, out, None if suite is None else Path(suite))

    def reading(dataset: str) -> None:
        if not quiet and not dry_run:
            say(f"reading {dataset} and planning its trials")

    with preloading_for(wanted):
        planned = plan_search(wanted, asked, out, reading)
        refuse_other_search(out / SUITE, searched(planned))
        for warning in (*planned.plan.warnings, *planned.warnings):
            warn(warning)
        if dry_run:
            typer.echo(outlook(planned))
            return
        try:
            with resumable():
                trials, choices = search(planned, _announced(planned, quiet=quiet))
        except TrialsError as error:
            for reason in error.reasons:
                say(f"failed: {reason}")
            say(f"error: {error}")
            raise typer.Exit(SOME_FAILED) from error
    write(planned, trials, choices, out, command_of(planned, suite, options, out))
    if plot is not None:
        heading = planned.rows.task.headline.heading
        write_figure(search_figure(first_rung(planned, trials), heading), plot)
    for warning in warnings(planned, choices):
        warn(warning)
    typer.echo(table(planned, trials, choices))
    typer.echo(f"\nnext: vsebench run {shlex.quote(str(out / SUITE))}")


def _announced(planned: Search, *, quiet: bool) -> Watch:
    """Names each rung before the progress of its trials."""
    from vsebench.cli.shared.progress import progress
    from vsebench.grid.tuning.text import rung_text

    numbers = iter(range(len(planned.rungs)))

    def watch(plan: Plan) -> AbstractContextManager[Report | None]:
        if not quiet:
            say(rung_text(planned, next(numbers)))
        return progress(plan, quiet=quiet)

    return watch
