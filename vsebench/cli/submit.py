"""`vsebench submit`: finished runs, checked and packed to be handed in."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vsebench.cli.shared.messages import GATE_FAILED, say
from vsebench.cli.shared.options import RUNS, DataRoots, FolderOrPack, PluginFiles, Quiet
from vsebench.plugin.errors import SpecError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vsebench.gate.rerun import Request
    from vsebench.report.rows.runs import Run


def submit_command(
    directory: FolderOrPack = RUNS,
    to: Annotated[
        Path | None,
        typer.Option(
            "--to",
            metavar="DIR",
            help="Pack the runs into this new folder. [default: only check them]",
        ),
    ] = None,
    rerun: Annotated[
        int | None,
        typer.Option(
            "--rerun",
            metavar="SEED",
            help="Repeat the runs of this seed here, and compare them with their records.",
        ),
    ] = None,
    row: Annotated[
        str, typer.Option("--row", metavar="POOLING,LOSS", help="With --rerun: only this row.")
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
        say(f"refused: {len(found)} of what {directory} says cannot stand")
        raise typer.Exit(GATE_FAILED)
    done = sum(run.done for run in runs)
    typer.echo(f"{directory}: {done} finished runs, {len(runs) - done} failed: nothing amiss")
    if rerun is not None:
        from vsebench.gate.rerun import Request

        files = tuple(os.path.realpath(file) for file in plugin or ())
        _rerun(directory, runs, Request(rerun, row, tuple(data_root or ()), files), quiet=quiet)
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
        typer.echo(f"{each.row}, seed {each.seed}: {each}")
    wrong = sum(not each.holds for each in found)
    if wrong:
        say(f"refused: {wrong} of {len(found)} runs do not come out again")
        raise typer.Exit(GATE_FAILED)


def _pack(directory: Path, to: Path) -> None:
    """Packs the runs and says what to do with the pack."""
    from vsebench.report.listing import filled, terminal_width
    from vsebench.results.packs.format import ARRAYS, RUNS
    from vsebench.results.packs.packing import pack

    pack(directory, to)
    told = (
        f"Commit {to / RUNS} and {to / ARRAYS} as results/{to.name}/, with the suite file and a "
        "README.md that has the commands; a reviewer asks 'vsebench submit "
        f"results/{to.name}' again."
    )
    typer.echo(filled(told, terminal_width()))
