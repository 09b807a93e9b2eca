"""`vsebench report`: the table of a folder of runs."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path  # noqa: TC003  # typer reads annotations at run time
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from vsebench.report.results import Results


def report_command(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="The folder that 'vsebench run --out' wrote to.", show_default=False)],
    form: Annotated[str, typer.Option("--format", metavar="table|md|csv|json|latex", help="How to write the rows.")] = "table",
    html: Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write a page, too: tables to sort, curves and all runs in one file.")] = None,
    allow_mixed: Annotated[bool, typer.Option("--allow-mixed", help="Show runs of unequal protocols, data or devices, in blocks of their own.")] = False,
    baseline: Annotated[str | None, typer.Option(metavar="POOLING,LOSS", help="The row that sets the common target; by default the first.")] = None,
) -> None:
    """Write the table of the runs under DIR to standard output."""
    from vsebench.report.formats import WIDTH
    from vsebench.report.results import load_results

    results = load_results(directory, allow_mixed=allow_mixed, baseline=baseline)
    text = results.table(form, width=shutil.get_terminal_size((WIDTH, 1)).columns)
    if html is not None:
        options = [*(["--allow-mixed"] if allow_mixed else []), *(["--baseline", baseline] if baseline is not None else [])]
        _write_page(results, html, shlex.join(["vsebench", "report", str(directory), "--html", str(html), *options]))
    typer.echo(text)


def _write_page(results: Results, path: Path, command: str) -> None:
    from vsebench.plugin.loader import load_plugins
    from vsebench.results.files import write_text

    write_text(path, results.page(command=command, registry=load_plugins().registry))
