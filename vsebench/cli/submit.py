"""`vsebench submit`: finished runs, checked and packed to be handed in."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003  # typer reads annotations at run time
from typing import Annotated

import typer

from vsebench.plugin.errors import SpecError

GATE_FAILED = 3


def submit_command(
    directory: Annotated[
        Path,
        typer.Argument(
            metavar="DIR",
            help="The folder that 'vsebench run --out' wrote to, or a pack.",
            show_default=False,
        ),
    ],
    to: Annotated[
        Path | None,
        typer.Option(
            "--to",
            metavar="DIR",
            help="Pack the runs into this new folder. [default: they are only checked]",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Check that runs can stand on a public leaderboard, and pack them for it; exit with 3 where
    something of them contradicts itself or is missing.
    """
    if to is not None and to.exists():
        raise SpecError(f"--to {to} exists already: name a new folder")
    from vsebench.report.runs import read_runs
    from vsebench.report.submission import findings

    runs = read_runs(directory).ended
    found = findings(runs)
    for each in found:
        typer.echo(f"{each.where}: {each.what}")
    if found:
        typer.echo(
            f"vsebench: refused: {len(found)} of what {directory} says cannot stand", err=True
        )
        raise typer.Exit(GATE_FAILED)
    done = sum(run.done for run in runs)
    typer.echo(f"{directory}: {done} finished runs, {len(runs) - done} failed: nothing amiss")
    if to is not None:
        _pack(directory, to)


def _pack(directory: Path, to: Path) -> None:
    """Packs the runs and says what to do with the pack."""
    from vsebench.results.pack_format import ARRAYS, RUNS
    from vsebench.results.packing import pack

    pack(directory, to)
    typer.echo(
        f"Commit {to / RUNS} and {to / ARRAYS} as results/{to.name}/, with the suite file and a "
        "README.md that has the commands; a reviewer asks 'vsebench submit "
        f"results/{to.name}' again."
    )
