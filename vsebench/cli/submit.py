"""`vsebench submit`: finished runs, checked and packed to be handed in."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vsebench.cli.shared.options import (  # typer reads annotations at run time
    RUNS,
    FolderOrPack,
    PluginFiles,
    Quiet,
)
from vsebench.cli.shared.suite_options import DataRoots  # noqa: TC001  # likewise
from vsebench.plugin.errors import SpecError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vsebench.gate.rerun import Request, Rerun
    from vsebench.report.rows.runs import Run

GATE_FAILED = 3


def submit_command(
    directory: FolderOrPack = RUNS,
    to: Annotated[
        Path | None,
        typer.Option(
            "--to",
            metavar="DIR",
            help="Pack the runs into this new folder. [default: only check them]",
            show_default=False,
        ),
    ] = None,
    rerun: Annotated[
        int | None,
        typer.Option(
            "--rerun",
            metavar="SEED",
            help="Repeat the runs of this seed here, and compare them with their records.",
            show_default=False,
        ),
    ] = None,
    row: Annotated[
        str,
        typer.Option("--row", metavar="POOLING,LOSS", help="With --rerun: only this row."),
    ] = "",
    data_root: DataRoots = None,
    plugin: PluginFiles = None,
    quiet: Quiet = False,
) -> None:
    """Check runs for a public leaderboard, and pack them. Exit with 3 if something is inconsistent,
    missing, or not reproduced.
    """
    if to is not None and to.exists():
        raise SpecError(f"--to {to} exists already: name a new folder")
    if row and rerun is None:
        raise SpecError("--row is about what is made again: name a seed with --rerun")
    from vsebench.report.rows.runs import read_runs
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
    if rerun is not None:
        from vsebench.gate.rerun import Request

        roots = tuple(Path(root) for root in data_root or ())
        files = tuple(os.path.realpath(file) for file in plugin or ())
        _rerun(directory, runs, Request(rerun, row, roots, files), quiet=quiet)
    if to is not None:
        _pack(directory, to)


def _rerun(directory: Path, runs: Sequence[Run], wanted: Request, *, quiet: bool) -> None:
    """Makes runs again, says what came of each, and ends the command where one does not hold."""
    import tempfile

    from vsebench.cli.shared.progress import progress
    from vsebench.gate.rerun import rerun

    with tempfile.TemporaryDirectory("-vsebench-rerun") as out:
        found = rerun(directory, runs, wanted, Path(out), lambda plan: progress(plan, quiet=quiet))
    for each in found:
        typer.echo(f"{each.row}, seed {each.seed}: {_said(each)}")
    wrong = sum(not each.holds for each in found)
    if wrong:
        typer.echo(
            f"vsebench: refused: {wrong} of {len(found)} runs do not come out again", err=True
        )
        raise typer.Exit(GATE_FAILED)


def _said(found: Rerun) -> str:
    if found.ours is None:
        return f"fails here: {found.error}"
    if found.equal:
        return f"{found.metric} {found.ours:.6g} again, and every query as in the record"
    gap = f"{found.metric} {found.ours:.6g} here, {found.theirs:.6g} in the record"
    if found.alike:
        return f"{gap}: on the same CPU and libraries they must be equal"
    if found.limit is None:
        return f"{gap}; too few seeds to say how far another may lie"
    within = "within" if found.holds else "outside"
    return f"{gap}: {within} ±{found.limit:.3g}, by which one seed lies from another"


def _pack(directory: Path, to: Path) -> None:
    """Packs the runs and says what to do with the pack."""
    from vsebench.results.packs.format import ARRAYS, RUNS
    from vsebench.results.packs.packing import pack

    pack(directory, to)
    typer.echo(
        f"Commit {to / RUNS} and {to / ARRAYS} as results/{to.name}/, with the suite file and a "
        "README.md that has the commands; a reviewer asks 'vsebench submit "
        f"results/{to.name}' again."
    )
