"""`vsebench pack` and `vsebench unpack`: a folder of runs as a few files, and back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vsebench.cli.shared.options import RUNS, Folder


def pack_command(
    directory: Folder = RUNS,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder of the pack. [default: beside the runs]"),
    ] = None,
    held_in: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="DIR",
            help="Refer to this folder's pack for runs that it holds to the byte, instead of "
            "storing them twice; repeatable.",
        ),
    ] = None,
    leave_unfinished: Annotated[
        bool, typer.Option("--leave-unfinished", help="Skip unfinished runs.")
    ] = False,
    remove: Annotated[
        bool,
        typer.Option(
            "--remove",
            help="Delete the packed files after verifying the pack; weights, checkpoints and "
            "logs stay.",
        ),
    ] = False,
) -> None:
    """Pack the runs under DIR into two files, which every command reads like the runs."""
    from vsebench.report.wording import bytes_text, count
    from vsebench.results.packs.format import ARRAYS, RUNS
    from vsebench.results.packs.packing import left_out, pack, remove_packed

    target = out or directory
    packed = pack(directory, target, held_in=held_in or (), leave_unfinished=leave_unfinished)
    files = [path for path in (target / RUNS, target / ARRAYS) if path.exists()]
    where = " and ".join(f"{path} ({bytes_text(path.stat().st_size)})" for path in files)
    typer.echo(f"{count(packed.runs, 'run')} in {where}")
    if packed.external:
        typer.echo(f"And {count(packed.external, 'external row')}.")
    if packed.failed:
        typer.echo(f"Failed or blocked: {packed.failed} of them.")
    if packed.held_elsewhere:
        typer.echo(f"Held by another pack: {packed.held_elsewhere} of them.")
    if packed.unfinished:
        typer.echo(f"Not ended, and left out: {', '.join(packed.unfinished)}.")
    if found := left_out(directory):
        listed = (
            f"{name} of {count(len(sizes), 'run')} ({bytes_text(sum(sizes))})"
            for name, sizes in found.items()
        )
        typer.echo(f"Not packed: {', '.join(listed)}.")
    if remove:
        typer.echo(f"Deleted: {remove_packed(directory, target):,} files that the pack holds.")


def unpack_command(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="The folder of a pack.")],
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder of the runs. [default: beside the pack]"),
    ] = None,
) -> None:
    """Unpack the runs of the pack in DIR, a folder for each."""
    from vsebench.report.wording import count
    from vsebench.results.packs.pack import unpack

    typer.echo(f"{count(unpack(directory, out), 'run')} in {out or directory}")
