"""`vsebench data pack-frames`: an array per video becomes the feature table of the `frames`
format.
"""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import typer

from vsebench.cli.shared.options import OutputFolder


def pack_frames_command(
    source: Annotated[
        Path,
        typer.Option(
            "--from", metavar="DIR|FILE.npz", help="A folder of VIDEO_ID.npy, or one .npz."
        ),
    ],
    target: OutputFolder,
    dtype: Annotated[
        Literal["float16", "float32"],
        typer.Option(metavar="float16|float32", help="Type of the stored values."),
    ] = "float16",
) -> None:
    """Write frames.npy, frames_offsets.npy and frames_ids.txt from one array [frames, width] per
    video.
    """
    from vsebench.cli.shared.counting import counting
    from vsebench.data.frames import pack_frames

    with counting("videos", quiet=not sys.stderr.isatty()) as report:
        packed = pack_frames(source, target, dtype, partial(report, "packed"))
    typer.echo(f"{packed.videos:,} videos, {packed.frames:,} frames of {packed.width} in {target}")
