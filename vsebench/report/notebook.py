"""What Python and notebooks show of results: tables, comparisons and figures as values."""

from __future__ import annotations

import io
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from vsebench.report.comparison.text import as_dicts, render_all
from vsebench.report.comparison.verdicts import asked_of, compare_all
from vsebench.report.listing import tabled
from vsebench.report.rows.sections import parse_row
from vsebench.report.tables.layout import heading, whole
from vsebench.report.tables.notes import block_notes

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pandas as pd
    from matplotlib.figure import Figure

    from vsebench.report.comparison.verdicts import Combination, Comparison, Terms
    from vsebench.report.rows.combinations import Block
    from vsebench.report.rows.sections import Section


def blocks_html(blocks: Sequence[Block]) -> str:
    """The tables of blocks with what stands under them, every text escaped."""
    return "\n".join(_block_html(block) for block in blocks)


def _block_html(block: Block) -> str:
    grid = whole(block)
    table = tabled(grid.headers, grid.body, grid.sides, "html")  # which escapes
    notes = "<br>".join(escape(note) for note in block_notes(block) if note)
    return f"<p><b>{escape(heading(block))}</b></p>\n{table}\n<p><small>{notes}</small></p>"


@dataclass(frozen=True)
class Comparisons:
    """Every row of some sections beside one of them. It prints as `vsebench compare` does.

    Attributes:
        asked: the sections, and what is compared of each.
        compared: the other rows of each section.
        reference: the row that they are compared with.
    """

    asked: tuple[tuple[Section, Terms], ...]
    compared: tuple[tuple[Comparison, ...], ...]
    reference: Combination

    @classmethod
    def of(
        cls,
        blocks: Sequence[Block],
        to: str,
        metric: str | None,
        margin: float | None,
        level: float,
    ) -> Comparisons:
        """The rows of blocks beside the row `POOLING,LOSS` that `to` names.

        Raises:
            SpecError: there is no such row or metric.
        """
        sections = [block.section for block in blocks]
        reference = parse_row(to, sections, "to")
        asked = tuple(asked_of(sections, reference, metric, margin, level))
        return cls(asked, tuple(map(tuple, compare_all(asked, reference))), reference)

    def table(self) -> str:
        """The verdicts as text."""
        return render_all(self.asked, self.compared, self.reference)

    def frame(self) -> pd.DataFrame:
        """One line per row that is compared; the columns are the keys of `vsebench compare --format
        json`.
        """
        import pandas as pd

        return pd.DataFrame(as_dicts(self.asked, self.compared))

    def __repr__(self) -> str:
        return self.table()

    def _repr_html_(self) -> str:
        return f"<pre>{escape(self.table())}</pre>"


@dataclass(frozen=True)
class Drawing:
    """A figure, which a notebook shows.

    Attributes:
        figure: the figure of matplotlib, to be changed before it is saved.
    """

    figure: Figure

    def save(self, path: Path | str) -> None:
        """Writes it as `.png`, `.svg` or `.pdf`.

        Raises:
            VsebenchError: the ending is of no known format.
            WriteError: the file cannot be written.
        """
        from pathlib import Path

        from vsebench.report.figures.save import check_figure, write_figure

        path = Path(path)
        check_figure(path)
        write_figure(self.figure, path)

    def __repr__(self) -> str:
        return "<a figure: .save(PATH) writes it>"

    def _repr_png_(self) -> bytes:
        written = io.BytesIO()
        self.figure.savefig(written, format="png", dpi=100)
        return written.getvalue()
