"""`vsebench tune`: learning rate and regularisation of every row of a suite, with equal effort for
each.
"""

from __future__ import annotations

import shlex
from pathlib import Path  # noqa: TC003  # typer reads annotations at run time
from typing import TYPE_CHECKING, Annotated

import typer

from vsebench.cli.options import PluginFiles  # noqa: TC001  # typer reads annotations at run time
from vsebench.cli.run import SOME_FAILED
from vsebench.plugin.errors import SpecError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from vsebench.grid.tune import Trial


def tune_command(
    suite: Annotated[
        Path,
        typer.Argument(
            metavar="SUITE", help="A suite file (TOML) of the annotation task.", show_default=False
        ),
    ],
    space: Annotated[
        str,
        typer.Option(
            metavar="KEY=VALUES,…",
            help="What to search: lr=0.001..0.1 (log-uniform), l2_image+l2_label=0|0.001 (one "
            "value for both).",
        ),
    ],
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Receives the trials, trials.csv and suite.toml.")
    ],
    trials: Annotated[
        int, typer.Option(min=1, help="Points to try for every row, the same for all.")
    ] = 8,
    seeds: Annotated[
        str,
        typer.Option(help="Of the trials, not the suite's own; each point is run once with each."),
    ] = "1000",
    search_seed: Annotated[int, typer.Option(min=0, help="Of the points.")] = 0,
    data_root: Annotated[
        list[str] | None,
        typer.Option(metavar="DIR", help="Folder in which data sets are looked for; repeatable."),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Runs at a time. [default: the suite's]")
    ] = None,
    plugin: PluginFiles = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the points and count the runs.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress.")] = False,
) -> None:
    """Try the same points for every row of a suite, and write the suite with each row's best on
    dev. Done trials are skipped.
    """
    from vsebench.cli.progress import progress
    from vsebench.grid.space import draw_points, parse_space
    from vsebench.grid.suite import load_suite
    from vsebench.grid.suite_fields import parse_seeds
    from vsebench.grid.tune import TrialsError, plan_search, search

    options = {
        key: value
        for key, value in (("data_root", data_root), ("workers", workers), ("plugin", plugin))
        if value
    }
    points = draw_points(parse_space(space), trials, search_seed)
    if (out / "suite.toml").exists() and (out / "suite.toml").samefile(suite):
        raise SpecError(f"{suite} would be overwritten by its tuned copy: give another --out")
    _refuse_other_search(
        out / "suite.toml", {"--space": space, "--seeds": seeds, "--search-seed": str(search_seed)}
    )
    wanted = plan_search(load_suite(suite, options), points, parse_seeds(seeds), out)
    if dry_run:
        lines = [", ".join(f"{key}={value:g}" for key, value in point.items()) for point in points]
        typer.echo(
            "\n".join(
                [
                    *lines,
                    "",
                    (
                        f"{len(wanted.plan.runs)} run{'s' * (len(wanted.plan.runs) > 1)}, "
                        f"{wanted.plan.workers} at a time"
                    ),
                ]
            )
        )
        return
    command = (
        f"vsebench tune {shlex.quote(str(suite))} --space '{space}' --trials {trials} --seeds "
        f"{seeds} --search-seed {search_seed} --out {out}"
    )
    command += "".join(f" --plugin {shlex.quote(file)}" for file in plugin or ())
    try:
        with progress(wanted.plan, quiet=quiet) as report:
            found = search(wanted, out, command, report)
    except TrialsError as error:
        typer.echo(
            "\n".join(
                [
                    *(f"vsebench: failed: {reason}" for reason in error.reasons),
                    f"vsebench: error: {error}",
                ]
            ),
            err=True,
        )
        raise typer.Exit(SOME_FAILED) from error
    typer.echo(_table(found))
    typer.echo(f"\nnext: vsebench run {out / 'suite.toml'}")


def _refuse_other_search(tuned: Path, wanted: Mapping[str, str]) -> None:
    """A suite that was tuned otherwise is not replaced; more trials of the same search are."""
    if not tuned.is_file():
        return
    try:
        written = shlex.split(tuned.read_text(encoding="utf-8").partition("\n")[0])
    except ValueError:  # words of a person's own, not a command
        written = []
    for option, value in wanted.items():
        before = written[written.index(option) + 1] if option in written[:-1] else value
        if before != value:
            raise SpecError(
                f"{tuned} was tuned with {option} '{before}' and would be replaced by a search "
                f"with '{value}': give another --out, or delete it"
            )


def _table(trials: Sequence[Trial]) -> str:
    """Each row's choice, and how far its trials lie apart."""
    from tabulate import tabulate

    from vsebench.grid.tune import best_trials

    rows = []
    for best in best_trials(trials):
        scores = [
            trial.score for trial in trials if trial.row == best.row and trial.score is not None
        ]
        diverged = sum(trial.row == best.row and trial.score is None for trial in trials)
        rows.append(
            [
                *best.row,
                *(f"{value:g}" for value in best.point.values()),
                f"{max(scores):.4f}",
                f"{min(scores):.4f}",
                len(scores) + diverged,
                diverged,
            ]
        )
    heads = [
        "dataset",
        "sampler",
        "loss",
        *trials[0].point,
        "dev MAP",
        "worst",
        "trials",
        "diverged",
    ]
    return tabulate(rows, heads, tablefmt="simple", disable_numparse=True)
