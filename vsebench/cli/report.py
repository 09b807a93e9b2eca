"""`vsebench report`: the table of folders of runs."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vsebench.cli.shared.options import (
    RUNS,
    Caption,
    ClaimsToJudge,
    Columns,
    Folders,
    Label,
    Level,
    OnlyNewest,
    SeparateTables,
    Width,
    chosen,
    format_option,
)
from vsebench.cli.shared.uncollected import uncollected
from vsebench.plugin.errors import SpecError
from vsebench.report.statistics.means import LEVEL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vsebench.plugin.registry import Registry
    from vsebench.report.page.render import Verdicts
    from vsebench.report.results import Results

_PAGE = "a page is a file beside the table: write --html FILE"


@uncollected()
def report_command(
    folders: Folders = None,
    form: Annotated[
        str, format_option("table", "md", "csv", "json", "latex", instead={"html": _PAGE})
    ] = "table",
    html: Annotated[
        Path | None,
        typer.Option(
            "--html",
            metavar="FILE",
            help="Also write an HTML page: sortable tables, curves and all runs in one file.",
        ),
    ] = None,
    claims: ClaimsToJudge = None,
    allow_mixed: SeparateTables = False,
    only_newest: OnlyNewest = False,
    baseline: Annotated[
        str | None,
        typer.Option(
            metavar="POOLING,LOSS", help="The row that sets the common target. [default: the first]"
        ),
    ] = None,
    level: Level = LEVEL,
    width: Width = None,
    columns: Columns = None,
    caption: Caption = "",
    label: Label = "",
) -> None:
    """Print the table of the runs under DIR, or write it as a page."""
    from vsebench.report.listing import terminal_width
    from vsebench.report.results import load_results
    from vsebench.report.tables.formats import WIDTH

    directories = folders or [RUNS]
    if claims and html is None:
        raise SpecError("--claims is about a page: write one with --html FILE")
    if html is not None:
        _refuse_other_files(html)
    results = load_results(
        directories,
        allow_mixed=allow_mixed,
        baseline=baseline,
        level=level,
        only_newest=only_newest,
    )
    text = results.table(
        form,
        width=width or terminal_width(WIDTH),
        columns=chosen(columns),
        caption=caption,
        label=label,
    )
    if html is not None:
        options = [
            *(["--allow-mixed"] if allow_mixed else []),
            *(["--only-newest"] if only_newest else []),
            *(["--baseline", baseline] if baseline is not None else []),
            *(["--level", f"{level:g}"] if level != LEVEL else []),
            *(word for path in claims or () for word in ("--claims", _shown(path))),
        ]
        _write_page(
            results,
            html,
            shlex.join(
                ["vsebench", "report", *map(_shown, directories), "--html", html.name, *options]
            ),
            claims or (),
        )
    typer.echo(text)


def _shown(directory: Path) -> str:
    """As given, without the folders of the machine that a full path would tell every reader."""
    return directory.name if directory.is_absolute() else str(directory)


def _refuse_other_files(path: Path) -> None:
    """A page takes the place of a page, not of a record or a plan that a typo named."""
    if not path.is_file() or path.resolve().suffix.lower() in (".html", ".htm"):
        return
    with path.open("rb") as file:
        start = file.read(1024).lstrip().lower()
    if start and not start.startswith((b"<!doctype html", b"<html")):
        raise SpecError(
            f"--html {path}: there is a file that is no page, which is kept: give a name that "
            "ends in .html, or delete it"
        )


def _write_page(results: Results, path: Path, command: str, claims: Sequence[Path]) -> None:
    from vsebench.files import write_text
    from vsebench.plugin.host.loader import load_plugins

    registry = load_plugins().registry
    judged = [_judged(each, results, registry) for each in claims]
    write_text(path, results.page(command=command, registry=registry, claims=judged))


def _judged(path: Path, results: Results, registry: Registry) -> Verdicts:
    from vsebench.claims.file import load_claims
    from vsebench.claims.judge import judge
    from vsebench.claims.text import on_page

    held = load_claims(path)
    runs = [run for block in results.blocks for run in block.section.runs]
    return on_page(held, judge(held, runs, registry))
