"""`vsebench data extract`: features of raw images by a pretrained model, as a table for later
runs.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path  # noqa: TC003  # typer reads annotations at run time
from typing import Annotated

import typer

from vsebench.cli.shared.options import Quiet  # noqa: TC001  # typer reads annotations at run time


class Device(StrEnum):
    """Where features are computed."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"


def extract_command(
    images: Annotated[
        Path,
        typer.Option(
            metavar="DIR|TAR",
            help="A folder of images or an uncompressed tar file.",
            show_default=False,
        ),
    ],
    model: Annotated[
        str,
        typer.Option(
            metavar="MODEL", help="A folder, or a name on the Hugging Face hub.", show_default=False
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(metavar="TABLE", help="Output folder.", show_default=False),
    ],
    size: Annotated[
        int,
        typer.Option(
            min=0,
            max=4096,
            help="Side of the images in pixels; 0 for the model's own.",
        ),
    ] = 0,
    batch: Annotated[int, typer.Option(min=1, help="Images per batch.")] = 32,
    device: Annotated[Device, typer.Option(help="Device to compute on.")] = Device.auto,
    threads: Annotated[
        int | None, typer.Option(min=1, help="CPU threads. [default: all cores]")
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Extract features from images with a pretrained model into a float16 table. A killed command
    resumes.
    """
    from vsebench.cli.shared.counting import counting
    from vsebench.data.images.decode import usable_cores
    from vsebench.kernels.devices import resolve_device
    from vsebench.retrieval.extract import Extraction, extract

    wanted = Extraction(
        images, model, out, size, batch, resolve_device(device.value), threads or usable_cores()
    )
    try:
        with counting("images", quiet=quiet) as report:
            table, about = extract(wanted, report)
    except KeyboardInterrupt as interrupt:
        interrupt.args = ("the same command resumes where this one stopped",)
        raise
    typer.echo(
        f"{out}: {' × '.join(map(str, table.features.shape))} features of {about['model']} at "
        f"{about['size']} pixels, {table.features.dtype}"
    )
    typer.echo(
        f"next: vsebench run --dataset NAME:features={out}, such as flickr8k, with --set "
        "image_encoder=grid"
    )
