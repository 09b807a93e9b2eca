"""Results of a folder of runs: rows, data frames, tables, comparisons, figures and pages."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vsebench.report.rows.combinations import Block, Row, make_block
from vsebench.report.rows.external import elsewhere_note, external_of
from vsebench.report.rows.gather import made_twice_notes, read_merged
from vsebench.report.rows.runs import Runs, read_runs
from vsebench.report.rows.sections import parse_row, split
from vsebench.report.statistics.means import LEVEL, check_level
from vsebench.report.tables.formats import WIDTH, Style, leaderboard, render, to_frame
from vsebench.report.tables.latex import LatexText
from vsebench.report.tables.notes import copies_note, unfinished_note
from vsebench.report.wording import count

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    import pandas as pd

    from vsebench.plugin.registry import Registry
    from vsebench.report.notebook import Comparisons, Drawing
    from vsebench.report.page.render import Verdicts
    from vsebench.report.rows.runs import Reproduction
    from vsebench.report.rows.sections import Section
    from vsebench.results.external import ExternalRow
    from vsebench.results.spec import AnySpec


@dataclass(frozen=True, repr=False)
class Results:
    """The rows of a set of runs, in blocks of equal conditions.

    Attributes:
        blocks: one per data set.
        unfinished: runs that were started and have no record yet.
        elsewhere: external rows that belong to no block.
        copies: pairs of a directory that is a copy and the run's own directory.
        made_twice: runs that lie in several folders with other results, of which the first counts.
    """

    blocks: tuple[Block, ...]
    unfinished: tuple[AnySpec, ...] = ()
    elsewhere: tuple[ExternalRow, ...] = ()
    copies: tuple[tuple[str, str], ...] = ()
    made_twice: tuple[Reproduction, ...] = ()

    @property
    def rows(self) -> list[Row]:
        """One flat dict per data set and combination of components, with the keys of the JSON and
        CSV.
        """
        return [entry.row for block in self.blocks for entry in block.entries]

    def frame(self) -> pd.DataFrame:
        """The rows as a pandas data frame."""
        return to_frame(self.blocks)

    def leaderboard(self) -> pd.DataFrame:
        """The rows of each data set by decreasing RSUM, with a first column `rank`."""
        return leaderboard(self.blocks)

    def table(
        self,
        format: str = "table",  # noqa: A002  # the name of the command's option
        *,
        width: int = WIDTH,
        columns: Sequence[str] = (),
        caption: str = "",
        label: str = "",
    ) -> str:
        """The rows as text.

        Args:
            format: `table` (for a terminal), `md`, `latex`, `csv` or `json`.
            width: characters per line; a wider table is split in two.
            columns: keys of the columns to show after the names, in this order, with intervals; the
                main columns if empty.
            caption: caption of a `latex` table, as LaTeX; by default a description.
            label: label of a `latex` table.

        Raises:
            SpecError: there is no such format, column or width, or the caption is not LaTeX.
        """
        return render(
            self.blocks,
            [
                *([unfinished_note(self.unfinished)] if self.unfinished else []),
                *([elsewhere_note(self.elsewhere)] if self.elsewhere else []),
                *([copies_note(self.copies)] if self.copies else []),
                *made_twice_notes(self.made_twice),
            ],
            Style(format, width, columns, LatexText(caption, label)),
        )

    def compare(
        self, to: str, *, metric: str | None = None, margin: float | None = None
    ) -> Comparisons:
        """Every other row against a reference row: better, worse, no worse, or undecided.

        Args:
            to: reference row, `POOLING,LOSS` or `SAMPLER,LOSS` as the table names it.
            metric: key of the metric to compare; by default the headline metric.
            margin: acceptable loss, for the verdict 'no worse'; by default the metric's own.

        Raises:
            SpecError: there is no such row or metric.
        """
        from vsebench.report.notebook import Comparisons

        level = self.blocks[0].level if self.blocks else LEVEL
        return Comparisons.of(self.blocks, to, metric, margin, level)

    def plot(self) -> Drawing:
        """The training curves of all rows, over updates and over seconds.

        Raises:
            MissingExtraError: matplotlib is not installed.
        """
        from vsebench.report.figures.curves import curves_of
        from vsebench.report.notebook import Drawing

        return Drawing(curves_of(self.blocks))

    def __repr__(self) -> str:
        rows = len(self.rows)
        names = ", ".join(dict.fromkeys(block.section.dataset for block in self.blocks))
        runs = sum(len(block.section.runs) for block in self.blocks)
        return (
            f"<Results: {count(rows, 'row')} of {count(runs, 'run')} on {names or 'nothing'}; "
            "print(results.table()) shows them>"
        )

    def _repr_html_(self) -> str:
        from vsebench.report.notebook import blocks_html

        return blocks_html(self.blocks)

    def page(
        self,
        *,
        command: str = "",
        registry: Registry | None = None,
        claims: Sequence[Verdicts] = (),
    ) -> str:
        """The rows, curves and runs as one self-contained HTML document.

        Args:
            command: command to name on the page as the one that makes it.
            registry: source of published results for the same settings; None for no such results.
            claims: verdicts on claims to show on the page.
        """
        from vsebench.report.page.render import to_html

        return to_html(
            self.blocks, self.unfinished, command=command, registry=registry, claims=claims
        )


def load_results(
    path: Path | str | Sequence[Path | str],
    *,
    allow_mixed: bool = False,
    baseline: str | None = None,
    level: float = LEVEL,
    only_newest: bool = False,
) -> Results:
    """The results of every run in one or several folders.

    Args:
        path: the folder that `vsebench run --out` wrote to, or a pack; several are merged.
        allow_mixed: whether runs with different conditions go into separate blocks instead of being
            refused.
        baseline: row `POOLING,LOSS` that sets the target of the columns `*_to_target`; by default
            the first.
        level: confidence level of the intervals, between 0 and 1.
        only_newest: whether to leave out rows of older versions of a component.

    Raises:
        VsebenchError: a folder is missing or empty, a file is damaged, or runs cannot share a
            table.
        SpecError: the level or the baseline is not valid.
    """
    folders = [Path(path)] if isinstance(path, (str, Path)) else [Path(each) for each in path]
    runs = read_merged(folders, allow_mixed=allow_mixed)
    sections = split(runs.ended, allow_mixed=allow_mixed, only_newest=only_newest)
    chosen = parse_row(baseline, sections) if baseline is not None else None
    return _collect(runs, sections, external_of(folders), chosen, check_level(level))


def results_of(out: Path, run_ids: Collection[str]) -> Results:
    """The results of some runs of a folder, such as those of one suite.

    Raises:
        VsebenchError: a record is damaged.
    """
    runs = read_runs(out, frozenset(run_ids))
    return _collect(runs, split(runs.ended))


def _collect(
    runs: Runs,
    sections: Sequence[Section],
    external: Sequence[ExternalRow] = (),
    baseline: tuple[str, str] | None = None,
    level: float = LEVEL,
) -> Results:
    blocks = tuple(make_block(section, baseline, level, external) for section in sections)
    shown = {row.row_id for block in blocks for row in block.external}
    return Results(
        blocks,
        runs.unfinished,
        tuple(row for row in external if row.row_id not in shown),
        runs.copies,
        runs.made_twice,
    )
