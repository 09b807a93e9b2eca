"""`vsebench verify NAME`: runs against published figures."""

from __future__ import annotations

import math
import shutil
from pathlib import Path  # noqa: TC003  # typer reads annotations at run time
from typing import TYPE_CHECKING, Annotated

import typer

from vsebench.cli.options import Level, PluginFiles, TableOrJson  # noqa: TC001  # typer reads annotations at run time
from vsebench.plugin.errors import SpecError
from vsebench.report.statistics import LEVEL

if TYPE_CHECKING:
    from vsebench.report.verification import Tolerance

EXIT_CODES = {"within": 0, "outside": 3, "nothing compared": 4}


def verify_command(
    name: Annotated[
        str,
        typer.Argument(
            help="A component that published figures name: gpo, triplet, flickr30k, …",
            show_default=False,
        ),
    ],
    results: Annotated[
        Path,
        typer.Option(
            "--results",
            metavar="DIR",
            help="The folder that 'vsebench run --out' wrote to.",
            show_default=False,
        ),
    ],
    tolerance: Annotated[
        str | None,
        typer.Option(
            metavar="RECALL,RSUM",
            help="Largest gap allowed, in points of a recall and of RSUM. [default: 2,5]",
        ),
    ] = None,
    level: Level = LEVEL,
    plugin: PluginFiles = None,
    form: TableOrJson = "table",
) -> None:
    """Compare finished runs with the published figures of a component; exit with 3 when a gap is
    larger than the tolerance, with 4 when none could be taken.
    """
    from vsebench.plugin.host.loader import load_plugins
    from vsebench.report.formats import WIDTH
    from vsebench.report.verify import verify
    from vsebench.report.verify_text import render

    registry = load_plugins(tuple(plugin or ())).registry
    found = verify(name, results, registry, _tolerance(tolerance), level)
    typer.echo(render(found, form, shutil.get_terminal_size((WIDTH, 1)).columns))
    raise typer.Exit(EXIT_CODES[found.verdict])


def _tolerance(text: str | None) -> Tolerance | None:
    """Two numbers, or None for the defaults.

    Raises:
        SpecError: they are not two finite numbers of at least 0.
    """
    from vsebench.report.verification import Tolerance

    if text is None:
        return None
    try:
        recall, rsum = map(float, text.split(","))
    except ValueError:
        recall = rsum = math.nan
    if not (0 <= recall < math.inf and 0 <= rsum < math.inf):
        raise SpecError(
            "--tolerance takes points of a recall and of RSUM, both at least 0, such as 2,5; got "
            f"'{text}'"
        )
    return Tolerance(recall, rsum)
