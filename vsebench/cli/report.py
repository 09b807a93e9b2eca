"""`vsebench report`: the table of a folder of runs."""

from __future__ import annotations

import shutil
from pathlib import Path  # noqa: TC003  # typer reads annotations at run time
from typing import Annotated

import typer


def report_command(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="The folder that 'vsebench run --out' wrote to.", show_default=False)],
    form: Annotated[str, typer.Option("--format", metavar="table|md|csv|json|latex", help="How to write the rows.")] = "table",
    allow_mixed: Annotated[bool, typer.Option("--allow-mixed", help="Show runs of unequal protocols, data or devices, in blocks of their own.")] = False,
    baseline: Annotated[str | None, typer.Option(metavar="POOLING,LOSS", help="The row that sets the common target; by default the first.")] = None,
) -> None:
    """Write the table of the runs under DIR to standard output."""
    from vsebench.report.formats import WIDTH
    from vsebench.report.results import load_results

    results = load_results(directory, allow_mixed=allow_mixed, baseline=baseline)
    typer.echo(results.table(form, width=shutil.get_terminal_size((WIDTH, 1)).columns))
