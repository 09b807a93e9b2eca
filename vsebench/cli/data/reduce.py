"""`vsebench data reduce`: principal components of a feature table, as `flickr8k` reads them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vsebench.cli.shared.options import OutputFolder, Quiet


def reduce_command(
    table: Annotated[
        Path,
        typer.Argument(metavar="TABLE", help="A feature table written by 'vsebench data extract'."),
    ],
    fit: Annotated[
        Path,
        typer.Option(
            metavar="FILE",
            help="Names of the training images, one per line, to fit the components on.",
        ),
    ],
    target: OutputFolder,
    components: Annotated[int, typer.Option(min=1, help="Number of components to keep.")] = 256,
    square_root: Annotated[
        bool,
        typer.Option(
            "--square-root",
            help="Take square roots of the features first, which must not be negative.",
        ),
    ] = False,
    quiet: Quiet = False,
) -> None:
    """Reduce a feature table to principal components stored as int8, as for flickr8k."""
    from vsebench.cli.shared.counting import counting
    from vsebench.data.reduce import Reduction, reduce

    with counting("images", quiet=quiet) as report:
        found = reduce(Reduction(table, fit, target, components, square_root), report)
    typer.echo(
        f"{target}: {components} components with {100 * found.share:.1f} % of the variance of the "
        f"images in {fit}"
    )
