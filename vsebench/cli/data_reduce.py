"""`vsebench data reduce`: principal components of a feature table, as `flickr8k` reads them."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003  # typer reads annotations at run time
from typing import Annotated

import typer


def reduce_command(
    table: Annotated[
        Path,
        typer.Argument(
            metavar="TABLE",
            help="A feature table that 'vsebench data extract' has written.",
            show_default=False,
        ),
    ],
    fit: Annotated[
        Path,
        typer.Option(
            metavar="FILE",
            help="Names of the images, one a line, whose features decide the components: those of "
            "training.",
            show_default=False,
        ),
    ],
    target: Annotated[
        Path,
        typer.Option(
            "--to", metavar="DIR", help="Folder that receives the files.", show_default=False
        ),
    ],
    components: Annotated[int, typer.Option(min=1, help="Components kept.")] = 256,
    square_root: Annotated[
        bool,
        typer.Option(
            "--square-root", help="Reduce square roots of the features, which are not negative."
        ),
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Show no progress.")] = False,
) -> None:
    """Reduce a feature table to principal components in one byte each: the table of flickr8k."""
    from vsebench.cli.counting import counting
    from vsebench.data.reduce import Reduction, reduce

    with counting("images", quiet=quiet) as report:
        found = reduce(Reduction(table, fit, target, components, square_root), report)
    typer.echo(
        f"{target}: {components} components with {100 * found.share:.1f} % of the variance of the "
        f"images in {fit}"
    )
