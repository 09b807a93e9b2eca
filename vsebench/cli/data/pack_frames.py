"""`vsebench data pack-frames`: an array per video becomes the table of the `frames` format."""

from __future__ import annotations

import sys
from pathlib import Path  # noqa: TC003  # typer reads annotations at run time
from typing import Annotated

import typer

from vsebench.cli.shared.options import OutputFolder  # noqa: TC001  # typer reads annotations at run time
from vsebench.cli.shared.terminal import drawing
from vsebench.plugin.errors import SpecError, did_you_mean

_DTYPES = ("float16", "float32")


def pack_frames_command(
    source: Annotated[
        Path,
        typer.Option(
            "--from",
            metavar="DIR|FILE.npz",
            help="A folder of VIDEO_ID.npy, or one .npz.",
            show_default=False,
        ),
    ],
    target: OutputFolder,
    dtype: Annotated[
        str, typer.Option(metavar="float16|float32", help="Type of the stored values.")
    ] = "float16",
) -> None:
    """Write frames.npy, frames_offsets.npy and frames_ids.txt from one array [frames, width] per
    video.
    """
    from rich.console import Console
    from rich.progress import Progress

    from vsebench.data.frames import pack_frames

    if dtype not in _DTYPES:
        raise SpecError(
            f"--dtype is float16 or float32, found '{dtype}': {did_you_mean(dtype, _DTYPES)}"
        )
    with Progress(console=Console(file=drawing()), disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task("videos", total=None)
        packed = pack_frames(
            source,
            target,
            dtype,  # type: ignore[arg-type]
            lambda done, total: progress.update(task, completed=done, total=total),
        )
    typer.echo(f"{packed.videos:,} videos, {packed.frames:,} frames of {packed.width} in {target}")
