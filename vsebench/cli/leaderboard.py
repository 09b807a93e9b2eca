"""`vsebench leaderboard`: rows from several places, from the best down."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vsebench.cli.shared.options import (
    RUNS,
    Caption,
    Columns,
    Label,
    Level,
    SeparateBoards,
    Width,
    chosen,
    format_option,
)
from vsebench.cli.shared.uncollected import uncollected
from vsebench.plugin.errors import SpecError
from vsebench.report.statistics.means import LEVEL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vsebench.report.leaderboard.board import Board


@uncollected()
def leaderboard_command(
    places: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[DIR]…",
            help="Folders of runs, packs, folders of single runs or their record.json. "
            "[default: runs]",
        ),
    ] = None,
    form: Annotated[
        str, format_option("table", "md", "latex", "csv", "json", "html", "parquet")
    ] = "table",
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="Write to a file instead of standard output."),
    ] = None,
    columns: Columns = None,
    caption: Caption = "",
    label: Label = "",
    allow_mixed: SeparateBoards = False,
    level: Level = LEVEL,
    width: Width = None,
) -> None:
    """Rank rows from several folders and machines, on a board for each data set, protocol and
    metric version, in groups of rows that cannot be told apart.
    """
    from vsebench.report.leaderboard.board import boards
    from vsebench.report.leaderboard.text import FILES, frame, render
    from vsebench.report.listing import terminal_width
    from vsebench.report.rows.external import external_of
    from vsebench.report.rows.gather import gather, refuse_copies
    from vsebench.report.tables.formats import WIDTH, Style
    from vsebench.report.tables.latex import LatexText

    if form in FILES and out is None:
        raise SpecError(f"--format {form} writes a file: name it with --out")
    places = places or [RUNS]
    gathered = gather(places)
    refuse_copies(gathered, allow_mixed=allow_mixed)
    made = boards(gathered.ended, external_of(places), allow_mixed=allow_mixed, level=level)
    if form == "parquet" and out is not None:
        from vsebench.files import replacing
        from vsebench.plugin.errors import require

        require("pyarrow", extra="parquet", purpose="Parquet files")
        with replacing(out) as file:
            frame(made).to_parquet(file, engine="pyarrow", index=False)
        return
    if form == "html":
        text = _page(made)
    else:
        wide = width or terminal_width(WIDTH)
        style = Style(form, wide, chosen(columns), LatexText(caption, label))
        text = render(made, gathered, style)
    if out is None:
        typer.echo(text)
    else:
        from vsebench.files import write_text

        write_text(out, text + "\n")


def _page(made: Sequence[Board]) -> str:
    from vsebench.plugin.host.loader import load_plugins
    from vsebench.report.page.render import to_html

    return to_html(
        [board.block for board in made],
        (),
        command="vsebench leaderboard",
        registry=load_plugins().registry,
    )
