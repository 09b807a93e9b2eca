"""`vsebench speedup`: how much faster each row is than a baseline."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

import typer

from vsebench.cli.shared.messages import print_json
from vsebench.cli.shared.options import (
    RUNS,
    Folders,
    Level,
    OnlyNewest,
    SeparateTables,
    Width,
    format_option,
)
from vsebench.plugin.errors import SpecError
from vsebench.report.statistics.means import LEVEL


def speedup_command(
    folders: Folders = None,
    baseline: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SAMPLER,LOSS",
            help="The row to time others against, or POOLING,LOSS; repeatable. [default: "
            "the first]",
        ),
    ] = None,
    target: Annotated[
        float | None,
        typer.Option(
            metavar="QUALITY",
            help="Dev RSUM or MAP to reach, fixed before the runs. [default: percentages of the "
            "baseline's best]",
        ),
    ] = None,
    form: Annotated[str, format_option("table", "md", "json")] = "table",
    level: Level = LEVEL,
    width: Width = None,
    plot: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Also draw the training curves: .png, .svg or .pdf."),
    ] = None,
    allow_mixed: SeparateTables = False,
    only_newest: OnlyNewest = False,
) -> None:
    """Compare convergence with a baseline: quality while the baseline trains, how much sooner a row
    arrives, and where its seconds went.
    """
    if target is not None and not 0 < target < math.inf:
        raise SpecError(f"--target takes a quality above 0, such as 0.17 MAP; got {target}")
    from vsebench.report.figures.curves import speed_curves
    from vsebench.report.figures.save import check_figure, write_figure
    from vsebench.report.listing import filled, terminal_width
    from vsebench.report.rows.gather import made_twice_notes, read_merged
    from vsebench.report.rows.sections import parse_row, split
    from vsebench.report.speed.speedup import speed_table
    from vsebench.report.speed.text import as_dicts, render, to_markdown
    from vsebench.report.tables.formats import WIDTH

    if plot is not None:
        check_figure(plot)
    runs = read_merged(folders or [RUNS], allow_mixed=allow_mixed)
    sections = split(runs.ended, allow_mixed=allow_mixed, only_newest=only_newest)
    chosen: list[tuple[str, str] | None] = [parse_row(text, sections) for text in baseline or ()]
    has = {id(section): {run.combination for run in section.runs} for section in sections}
    tables = [
        speed_table(section, each, level, target)
        for section in sections
        for each in chosen or [None]
        if each is None or each in has[id(section)]
    ]
    if plot is not None:
        # one panel a section, with the first baseline's target
        first = {id(table.section): table for table in reversed(tables)}
        shown = [table for table in tables if first[id(table.section)] is table]
        write_figure(speed_curves(shown), plot)
    if form == "json":
        rows = [row for table in tables for row in as_dicts(table)]
        print_json({"schema": 2, "level": level, "rows": rows})
    else:
        wide = width or terminal_width(WIDTH)
        twice = made_twice_notes(runs.made_twice)
        if form == "md":
            parts = [to_markdown(tables), *(f"- {note}" for note in twice)]
        else:
            parts = ["\n\n\n".join(render(table, width=wide) for table in tables)]
            parts += [filled(note, wide) for note in twice]
        typer.echo("\n".join(parts))
