"""What stands in LaTeX tables, and what would break a document."""

from __future__ import annotations

import re

import pytest

from tests.factories import make_curve, make_record, make_spec, save
from vsebench.plugin.errors import SpecError
from vsebench.report.results import load_results
from vsebench.report.tables.latex import LatexText, escape, to_latex
from vsebench.report.tables.layout import Grid


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


def test_caption_and_label(results):
    text = results.table("latex", caption=r"A \emph{fair} race, 5\,\%", label="tab:race")
    assert "\\caption{A \\emph{fair} race, 5\\,\\%}\n\\label{tab:race}\n" in text


def test_labels_of_several_tables_differ(tmp_path):
    for dataset in ("scenes", "flickr8k", "coco"):
        save(tmp_path, make_record(make_spec(dataset=dataset)), make_curve([100]))
    text = load_results(tmp_path).table("latex", label="tab:all")
    assert re.findall(r"\\label{(.*)}", text) == ["tab:all", "tab:all-2", "tab:all-3"]


@pytest.mark.parametrize(
    ("caption", "label", "message"),
    [
        ("50 % of it", "", "% begins a comment"),
        (r"a \\% b", "", "% begins a comment"),
        ("a } b", "", "braces do not match"),
        ("} {", "", "braces do not match"),
        (r"a \} {b", "", "braces do not match"),
        ("a\\", "", "lone backslash"),
        ("", "tab:{x}", "label 'tab:{x}': a key of"),
        ("", "tab:ü", "label 'tab:ü': a key of"),
    ],
)
def test_captions_and_labels_that_would_break_a_document(caption, label, message):
    with pytest.raises(SpecError, match=message):
        LatexText(caption, label)


@pytest.mark.parametrize("caption", [r"5\% of \{x\}", r"a \\ b", "{a {b}} c", "$x_1$"])
def test_captions_of_sound_latex(caption):
    assert LatexText(caption).caption == caption


@pytest.mark.parametrize("form", ["table", "md", "csv", "json"])
def test_only_latex_has_captions(results, form):
    with pytest.raises(SpecError, match="add --format latex"):
        results.table(form, caption="A race")
