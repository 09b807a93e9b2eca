"""Tables for LaTeX: of booktabs, with every special character escaped and the notes below."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vsebench.plugin.errors import SpecError
from vsebench.report.tex import escape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vsebench.report.layout import Grid

_COMMENT = re.compile(r"(?<!\\)(?:\\\\)*%")
_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)
_LOOSE_END = re.compile(r"(?<!\\)(?:\\\\)*\\$")
_LABEL = re.compile(r"[\w:.+/ -]+", re.ASCII)


@dataclass(frozen=True)
class LatexText:
    r"""What a person writes into a `table` environment.

    Attributes:
        caption: LaTeX, which goes in as it stands; empty for what the table is about.
        label: key of `\ref`; empty for none.
    """

    caption: str = ""
    label: str = ""

    def __post_init__(self) -> None:
        """Refuses what would break the document around it.

        Raises:
            SpecError: a caption with a comment or a brace too many, or a label of other characters
                than keys have.
        """
        if _COMMENT.search(self.caption):
            raise SpecError(
                f"caption '{self.caption}': % begins a comment in LaTeX, and hides what follows: "
                "write \\%"
            )
        if _LOOSE_END.search(self.caption):
            raise SpecError(f"caption '{self.caption}': it ends in a lone backslash: take it out")
        depth = 0
        for brace in _BRACE.findall(self.caption):
            depth += {"{": 1, "}": -1}.get(brace, 0)
            if depth < 0:
                break
        if depth:
            raise SpecError(
                f"caption '{self.caption}': its braces do not match; a brace to print is \\{{ or "
                "\\}"
            )
        if self.label and not _LABEL.fullmatch(self.label):
            raise SpecError(
                f"label '{self.label}': a key of \\ref has letters, digits, spaces and :.+/-_, "
                "such as tab:results"
            )

    def of(self, number: int, tables: int) -> LatexText:
        """That of one of several tables: labels are numbered from the second on, `tab:x-2`.

        Args:
            number: which of them, from 0.
            tables: how many there are.
        """
        if tables == 1 or not self.label or not number:
            return self
        return LatexText(self.caption, f"{self.label}-{number + 1}")


PLAIN = LatexText()


def to_latex(grid: Grid, about: str, notes: Sequence[str], text: LatexText = PLAIN) -> str:
    r"""A `table` environment (needs `\usepackage{booktabs}`) with the notes in small print under
    the rules.

    Args:
        grid: cells.
        about: what the table is about, its caption where none is given.
        notes: plain text; empty ones are left out.
        text: caption and label.
    """
    import pandas as pd

    heads = [tuple(escape(line) for line in head) for head in grid.heads]
    cells = grid.written(escape, r"\textbf{{{}}}".format)
    frame = pd.DataFrame(cells, columns=pd.MultiIndex.from_tuples(heads))
    alignment = "l" * grid.words + "r" * (len(grid.heads) - grid.words)
    tabular = (
        frame.style.hide(axis="index")
        .to_latex(hrules=True, column_format=alignment, multicol_align="c")
        .rstrip("\n")
    )
    small = "\n".join(
        [
            r"{\footnotesize\smallskip",
            *(rf"\par {escape(note)}" for note in notes if note),
            r"\par}",
        ]
    )
    return "\n".join(
        [
            r"\begin{table}",
            r"\centering",
            rf"\caption{{{text.caption or escape(about)}}}",
            *([rf"\label{{{text.label}}}"] if text.label else []),
            tabular,
            small,
            r"\end{table}",
        ]
    )
