"""Tables for LaTeX: of booktabs, with every special character escaped and the notes below. ASCII
alone comes out, so that every engine sets it with any font encoding and without a package.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from unicodedata import normalize

from vsebench.plugin.errors import SpecError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vsebench.report.tables.layout import Grid


_GREEK = "αβγδεζηθικλμνξπρςστυφχψωΓΔΘΛΞΠΣΥΦΨΩ"
_NAMES = (
    "alpha beta gamma delta varepsilon zeta eta theta iota kappa lambda mu nu xi pi rho varsigma "
    "sigma tau upsilon varphi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi "
    "Omega"
)
_SIGNS = {
    "±": "pm",
    "×": "times",
    "·": "cdot",
    "↑": "uparrow",
    "↓": "downarrow",
    "→": "to",
    "←": "leftarrow",
    "≤": "leq",
    "≥": "geq",
    "≠": "neq",
    "≈": "approx",
    "∞": "infty",
    "µ": "mu",
    "°": "circ",
    **dict(zip(_GREEK, _NAMES.split(), strict=True)),
}
_WRITTEN = {
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
    "–": "--",
    "—": "---",
    "−": "$-$",
    "²": "$^2$",
    "³": "$^3$",
    "‘": "`",
    "’": "'",
    "“": "``",
    "”": "''",
    "…": r"\ldots{}",
    "†": r"\dag{}",
    "‡": r"\ddag{}",
    "§": r"\S{}",
    "©": r"\copyright{}",
    "ß": r"\ss{}",
    "æ": r"\ae{}",
    "Æ": r"\AE{}",
    "œ": r"\oe{}",
    "Œ": r"\OE{}",
    "ø": r"\o{}",
    "Ø": r"\O{}",
    "ł": r"\l{}",
    "Ł": r"\L{}",
    "ı": r"\i{}",
    "\u00a0": "~",
    **{sign: rf"$\{name}$" for sign, name in _SIGNS.items()},
}
_ACCENTS = {
    "\u0300": "`",
    "\u0301": "'",
    "\u0302": "^",
    "\u0303": "~",
    "\u0304": "=",
    "\u0306": "u",
    "\u0307": ".",
    "\u0308": '"',
    "\u030a": "r",
    "\u030b": "H",
    "\u030c": "v",
    "\u0323": "d",
    "\u0327": "c",
    "\u0331": "b",
}


def escape(text: str) -> str:
    """Text that LaTeX sets as it stands, on one line; a character that its fonts lack becomes its
    number, `U+65E5`.
    """
    return "".join(map(_escaped, normalize("NFC", text)))


def _escaped(character: str) -> str:
    if character in _WRITTEN:
        return _WRITTEN[character]
    if character.isspace():
        return " "
    if character.isascii() and character.isprintable():
        return character
    base, *marks = list(normalize("NFD", character))
    if base.isascii() and len(marks) == 1 and marks[0] in _ACCENTS:
        return rf"\{_ACCENTS[marks[0]]}{{{base}}}"
    return f"U+{ord(character):04X}"


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
    tabular = (
        frame.style.hide(axis="index")
        .to_latex(hrules=True, column_format=grid.sides, multicol_align="c")
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
