"""What a notebook shows of results."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest

from tests.factories import make_curve, make_record, make_spec, save
from vsebench.plugin import SpecError, VsebenchError
from vsebench.report.results import load_results

if TYPE_CHECKING:
    from pathlib import Path

    from vsebench.report.results import Results

HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def results(tmp_path: Path) -> Results:
    for pooling, rsum in (("gpo", 330.0), ("mean", 300.0)):
        for seed in range(3):
            spec = make_spec(pooling, seed=seed)
            record = make_record(spec, rsum=rsum + seed, warnings=(HOSTILE,))
            save(tmp_path, record, make_curve([rsum / 2, *[rsum] * 15]))
    return load_results(tmp_path)


class Cells(HTMLParser):
    """The tags of a document, and the text of its cells."""

    def __init__(self, document: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.cells: list[str] = []
        self.feed(document)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.add(tag)
        if tag in ("td", "th"):
            self.cells.append("")

    def handle_data(self, data: str) -> None:
        if self.cells:
            self.cells[-1] += data


def test_the_repr_is_one_short_line(results: Results) -> None:
    assert repr(results) == (
        "<Results: 2 rows of 6 runs on scenes; print(results.table()) shows them>"
    )


def test_a_notebook_shows_the_table_and_its_notes(results: Results) -> None:
    shown = Cells(results._repr_html_())
    assert shown.tags <= {"p", "b", "small", "br", "table", "thead", "tbody", "tr", "th", "td"}
    cells = [cell.strip() for cell in shown.cells]
    assert {"pooling", "RSUM", "gpo", "mean", "triplet"} <= set(cells)
    assert any(cell.startswith("331.0") for cell in cells)
    assert "Seeds: 0, 1, 2." in results._repr_html_()


def test_everything_shown_is_escaped(tmp_path: Path) -> None:
    save(tmp_path, make_record(make_spec(f"a{HOSTILE}"), status="failed", error=HOSTILE))
    save(tmp_path, make_record(make_spec(), warnings=(HOSTILE,)))
    results = load_results(tmp_path)
    assert "script" not in Cells(results._repr_html_()).tags
    assert "&lt;script&gt;" in results._repr_html_()
    beside = results.compare("mean,triplet")
    assert Cells(beside._repr_html_()).tags == {"pre"}


def test_rows_are_compared_with_one(results: Results) -> None:
    beside = results.compare("mean,triplet")
    assert repr(beside) == beside.table()
    assert "better" in beside.table()
    frame = beside.frame()
    assert list(frame["pooling"]) == ["gpo"]
    assert frame["difference"].iloc[0] == pytest.approx(30)
    (worse,) = results.compare("gpo,triplet", margin=50.0).frame()["verdict"]
    assert worse == "no worse"
    with pytest.raises(SpecError, match="to 'men,triplet' is no row"):
        results.compare("men,triplet")
    with pytest.raises(SpecError, match="unknown metric 'rsun'"):
        results.compare("mean,triplet", metric="rsun")


def test_curves_are_drawn_and_saved(results: Results, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    drawing = results.plot()
    left, right = drawing.figure.axes
    assert [line.get_label() for line in left.get_lines()][:2] == [
        "gpo × triplet",
        "mean × triplet",
    ]
    assert right.get_xlabel() == "seconds of training"
    assert drawing._repr_png_().startswith(b"\x89PNG")
    drawing.save(tmp_path / "curves.svg")
    assert "<svg" in (tmp_path / "curves.svg").read_text()
    with pytest.raises(VsebenchError):
        drawing.save(tmp_path / "curves.doc")
    assert "save" in repr(drawing)
