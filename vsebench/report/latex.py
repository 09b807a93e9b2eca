"""A table for a paper: booktabs, every special character escaped, the notes below it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vsebench.report.layout import Grid

_ESCAPES = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "&": r"\&",
        "%": r"\%",
        "$": r"\$",
        "#": r"\#",
        "_": r"\_",
        "{": r"\{",
        "}": r"\}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
        "|": r"\textbar{}",
        "±": r"$\pm$",
        "×": r"$\times$",
        "·": r"$\cdot$",
        "–": "--",
        "…": r"\ldots{}",
        "†": r"\dag{}",
        "‡": r"\ddag{}",
        "↑": r"$\uparrow$",
        "→": r"$\to$",
    }
)


def to_latex(grid: Grid, caption: str, notes: Sequence[str]) -> str:
    r"""A `table` environment (needs `\usepackage{booktabs}`) with the notes in small print under
    the rules.
    """
    import pandas as pd

    heads = [tuple(escape(line) for line in head) for head in grid.heads]
    cells = [[escape(cell) for cell in row] for row in grid.body]
    frame = pd.DataFrame(cells, columns=pd.MultiIndex.from_tuples(heads))
    alignment = "l" * grid.words + "r" * (len(grid.heads) - grid.words)
    tabular = (
        frame.style.hide(axis="index")
        .to_latex(hrules=True, column_format=alignment, multicol_align="c")
        .rstrip("\n")
    )
    small = "\n".join(
        [r"{\footnotesize\smallskip", *(rf"\par {escape(note)}" for note in notes), r"\par}"]
    )
    return "\n".join(
        [
            r"\begin{table}",
            r"\centering",
            rf"\caption{{{escape(caption)}}}",
            tabular,
            small,
            r"\end{table}",
        ]
    )


def escape(text: str) -> str:
    """Text that LaTeX sets as it stands."""
    return text.translate(_ESCAPES)
