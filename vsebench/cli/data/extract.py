"""`vsebench data extract`: features of raw images by a pretrained model, as a table for later
runs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from vsebench.cli.shared.messages import resumable
from vsebench.cli.shared.options import Quiet


def extract_command(
    images: Annotated[
        Path,
        typer.Option(metavar="DIR|TAR", help="A folder of images or an uncompressed tar file."),
    ],
    model: Annotated[
        str, typer.Option(metavar="MODEL", help="A folder, or a name on the Hugging Face hub.")
    ],
    out: Annotated[Path, typer.Option(metavar="TABLE", help="Output folder.")],
    size: Annotated[
        int,
        typer.Option(min=0, max=4096, help="Side of the images in pixels; 0 for the model's own."),
    ] = 0,
    batch: Annotated[int, typer.Option(min=1, help="Images per batch.")] = 32,
    device: Annotated[
        Literal["auto", "cpu", "cuda"], typer.Option(help="Device to compute on.")
    ] = "auto",
    threads: Annotated[
        int | None, typer.Option(min=1, help="CPU threads. [default: all cores]")
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Extract features from images with a pretrained model into a float16 feature table. A killed
    command resumes.
    """
    from vsebench.cli.shared.counting import counting
    from vsebench.data.images.decode import usable_cores
    from vsebench.kernels.devices import resolve_device
    from vsebench.retrieval.extract import Extraction, extract

    wanted = Extraction(
        images, model, out, size, batch, resolve_device(device), threads or usable_cores()
    )
    with resumable(), counting("images", quiet=quiet) as report:
        table, about = extract(wanted, report)
    typer.echo(
        f"{out}: {' × '.join(map(str, table.features.shape))} features of {about['model']} at "
        f"{about['size']} pixels, {table.features.dtype}"
    )
    typer.echo(
        f"next: vsebench run --dataset NAME:features={out}, such as flickr8k, with --set "
        "image_encoder=grid"
    )
