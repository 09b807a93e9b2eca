"""`vsebench data prepare`: from the files that people have to the suite's feature tables."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path  # noqa: TC003  # typer reads annotations at run time
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator


class Precision(StrEnum):
    """Types of the stored features."""

    float16 = "float16"
    float32 = "float32"


def prepare_command(
    name: Annotated[
        str,
        typer.Argument(metavar="flickr30k|coco|flickr8k", help="The data set.", show_default=False),
    ],
    origin: Annotated[
        Path,
        typer.Option(
            "--from", metavar="DIR", help="Folder of the files at hand.", show_default=False
        ),
    ],
    target: Annotated[
        Path,
        typer.Option(
            "--to", metavar="DIR", help="Folder that receives the result.", show_default=False
        ),
    ],
    captions: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Karpathy's JSON. [default: dataset_NAME.json somewhere in --from]"
        ),
    ] = None,
    features: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="Folder or file of features. [default: --from]"),
    ] = None,
    dtype: Annotated[
        Precision, typer.Option(help="Type of the stored features.")
    ] = Precision.float16,
    quiet: Annotated[bool, typer.Option("--quiet", help="Show no progress.")] = False,
) -> None:
    """Turn Karpathy's JSON and features (tables, .npy, .npz, HDF5, .tsv) or images into the precomp
    layout. A killed command resumes where it was.
    """
    from vsebench.cli.counting import counting
    from vsebench.data.prepare.gather import Request
    from vsebench.data.prepare.prepare import prepare

    request = Request(name, origin, target, captions, features, dtype.value)
    try:
        with counting("images", quiet=quiet) as report:
            manifest = prepare(request, report)
    except KeyboardInterrupt as interrupt:
        interrupt.args = ("the same command resumes where this one stopped",)
        raise
    typer.echo("\n".join(_result(target, manifest)))


def _result(target: Path, manifest: dict[str, Any]) -> Iterator[str]:
    from tabulate import tabulate

    from vsebench.data.prepare.karpathy import published

    name, precision = manifest["dataset"], manifest["features"]
    opens_as = published(name).opens_as
    yield f"{name}: prepared in {target}"
    rows = [
        (
            stem,
            about["images"],
            about["captions"],
            " × ".join(map(str, about.get("shape", ["none"]))),
            about.get("shortest", ""),
            about.get("longest", ""),
        )
        for stem, about in manifest["splits"].items()
    ]
    yield tabulate(
        rows,
        headers=("split", "images", "captions", "features", "shortest", "longest"),
        tablefmt="simple",
        disable_numparse=True,
    )
    if precision is None:
        yield (
            f"no features yet; {target}/id_mapping.json says which file each image is: use "
            f"{opens_as}:images=DIR, or extract a table from them"
        )
        return
    yield (
        f"stored as {precision['dtype']}: values of more digits are off by at most "
        f"{precision['relative_error']:.2g} of themselves, {precision['largest_error']:.2g} for "
        f"the largest ({precision['largest']:.4g})"
    )
    yield (
        f"next: vsebench data check {target}; then vsebench run --dataset {opens_as} --data-root "
        f"{target}"
    )
