"""`vsebench pack` and `vsebench unpack`: a folder of runs as a few files, and back."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003  # typer reads annotations at run time
from typing import TYPE_CHECKING, Annotated

import typer

from vsebench.cli.shared.options import RUNS, Folder  # typer reads annotations at run time

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_THOUSAND = 1000


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
        bool,
        typer.Option("--leave-unfinished", help="Skip unfinished runs."),
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
    from vsebench.results.packs.format import ARRAYS, RUNS
    from vsebench.results.packs.packing import left_out, pack, remove_packed

    target = out or directory
    packed = pack(directory, target, held_in=held_in or (), leave_unfinished=leave_unfinished)
    files = [path for path in (target / RUNS, target / ARRAYS) if path.exists()]
    typer.echo(
        f"{_runs(packed.runs)} in "
        + " and ".join(f"{path} ({_size(path.stat().st_size)})" for path in files)
    )
    if packed.external:
        typer.echo(f"And {packed.external} external row{'s' * (packed.external != 1)}.")
    if packed.failed:
        typer.echo(f"Failed or blocked: {packed.failed} of them.")
    if packed.held_elsewhere:
        typer.echo(f"Held by another pack: {packed.held_elsewhere} of them.")
    if packed.unfinished:
        typer.echo(f"Not ended, and left out: {', '.join(packed.unfinished)}.")
    if found := left_out(directory):
        typer.echo(f"Not packed: {_listed(found)}.")
    if remove:
        typer.echo(f"Deleted: {remove_packed(directory, target):,} files that the pack holds.")


def unpack_command(
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", help="The folder of a pack.", show_default=False)
    ],
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder of the runs. [default: beside the pack]"),
    ] = None,
) -> None:
    """Unpack the runs of the pack in DIR, a folder for each."""
    from vsebench.results.packs.pack import unpack

    typer.echo(f"{_runs(unpack(directory, out))} in {out or directory}")


def _runs(count: int) -> str:
    return f"{count:,} run{'s' * (count != 1)}"


def _listed(sizes: Mapping[str, Sequence[int]]) -> str:
    return ", ".join(
        f"{name} of {_runs(len(found))} ({_size(sum(found))})" for name, found in sizes.items()
    )


def _size(count: float) -> str:
    """Bytes in powers of a thousand: `84.2 MB`."""
    for unit in ("bytes", "kB", "MB"):
        if count < _THOUSAND:
            return f"{count:.1f} {unit}" if unit != "bytes" else f"{count} bytes"
        count /= _THOUSAND
    return f"{count:.1f} GB"
