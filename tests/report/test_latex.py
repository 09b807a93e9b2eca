from __future__ import annotations

import pytest

from vsebench.report.latex import escape, to_latex
from vsebench.report.layout import Grid


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("aoq:detach_weight=true", r"aoq:detach\_weight=true"),
        ("95 % of a & b", r"95 \% of a \& b"),
        (r"a\b", r"a\textbackslash{}b"),
        ("{x}^2 ~ #1 $", r"\{x\}\textasciicircum{}2 \textasciitilde{} \#1 \$"),
        ("±1 × 2 – 3", r"$\pm$1 $\times$ 2 -- 3"),
        ("†‡↑ 3 → 4", r"\dag{}\ddag{}$\uparrow$ 3 $\to$ 4"),
    ],
)
def test_special_characters(text, escaped):
    assert escape(text) == escaped


def test_tabular():
    grid = Grid([("", "loss"), ("i2t", "R@1"), ("i2t", "R@5")], [["a_b", "1.0", "2.0"]], words=1)
    text = to_latex(grid, "scenes & more", ["50 % of it"])
    assert r"\begin{tabular}{lrr}" in text
    assert r"\multicolumn{2}{c}{i2t}" in text
    assert r"a\_b & 1.0 & 2.0 \\" in text
    assert r"\caption{scenes \& more}" in text
    assert r"\par 50 \% of it" in text
