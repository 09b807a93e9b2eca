from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure

from tests.site.made import leave, pages, studies, study
from vsebench.report.figures.weights import weight_sketches, weights_of
from vsebench.results.folder.store import Store
from vsebench.results.reader import POSITIONS

TABLE = np.array([[0.75, 0.25, np.nan, np.nan], [0.5, 0.25, 0.125, 0.125]], np.float32)


def keep(out, tables):
    """Leaves weights with the seeds of `gpo`, by seed and side."""
    for run in Store(out).runs():
        spec = run.read_record().spec
        if spec.image_pooling.name == "gpo" and spec.seed in tables:
            run.write_shown(POSITIONS, tables[spec.seed])


def rows_of(out):
    ((board,),) = [each.boards for each in studies(out)]
    return board, board.block.section.rows


def test_weights_are_means_over_the_seeds_that_keep_them(tmp_path):
    keep(study(tmp_path), {0: {"image": TABLE}, 2: {"image": 3 * TABLE}, 3: {"text": TABLE}})
    _, rows = rows_of(tmp_path)
    found = weights_of(rows["gpo", "triplet"], "image")
    assert found.seeds == (0, 2)
    assert [curve.tolist() for curve in found.curves] == [[1.5, 0.5], [1, 0.5, 0.25, 0.25]]
    assert weights_of(rows["gpo", "triplet"], "text").seeds == (3,)
    assert weights_of(rows["mean", "triplet"], "image") is None


def test_a_table_of_another_shape_is_left_out(tmp_path):
    keep(study(tmp_path), {0: {"image": TABLE}, 1: {"image": TABLE[:1]}})
    _, rows = rows_of(tmp_path)
    assert weights_of(rows["gpo", "triplet"], "image").seeds == (0,)


def test_a_figure_for_each_side_that_has_weights(tmp_path):
    keep(study(tmp_path), {0: {"image": TABLE, "text": TABLE}})
    board, rows = rows_of(tmp_path)
    image, text = weight_sketches(board)
    assert (image.key, text.key) == ("weights-image", "weights-text")
    place = list(rows).index(("gpo", "triplet"))
    assert image.titles == {place: "gpo: 0.50 on the largest of 4, seeds 0"}
    panel = Figure().subplots()
    image.draw(panel)
    short, long = (line.get_ydata().tolist() for line in panel.lines)
    assert (short, long) == ([0.75, 0.25], [0.5, 0.25, 0.125, 0.125])


def test_a_pooling_has_the_sides_that_it_pools(tmp_path):
    leave(tmp_path, "gpo/mean", 200.0)
    leave(tmp_path, "gpo", 210.0)
    keep(tmp_path, {0: {"image": TABLE, "text": TABLE}})
    board, rows = rows_of(tmp_path)
    image, text = weight_sketches(board, ("vsebench", "gpo"))
    assert len(image.titles) == 2
    assert list(text.titles) == [list(rows).index(("gpo", "triplet"))]
    assert weight_sketches(board, ("vsebench", "mean"))[0].key == "weights-text"
    assert weight_sketches(board, ("else", "gpo")) == []


def test_they_stand_on_the_pages_of_the_study_and_of_the_method(tmp_path):
    keep(study(tmp_path / "one"), {0: {"image": TABLE}})
    study(tmp_path / "two")
    site = pages(tmp_path / "one", tmp_path / "two")
    assert 'data-key="weights-image"' in site["studies/one.html"]
    assert "weights-" not in site["studies/two.html"]
    page = site["methods/pooling-gpo.html"]
    assert page.count('data-key="weights-image"') == 1
    assert '<a href="../studies/one.html#part-1">one</a>: scenes' in page
    assert "Weights over" not in site["methods/pooling-mean.html"]
    assert "Weights over" not in site["methods/loss-triplet.html"]


@pytest.mark.parametrize(("boards", "shown"), [(3, 3), (6, 4)])
def test_a_page_shows_the_weights_of_so_many_boards(tmp_path, boards, shown):
    places = [study(tmp_path / f"s{i}", {"gpo": 200.0}) for i in range(boards)]
    for place in places:
        keep(place, {0: {"image": TABLE}})
    page = pages(*places)["methods/pooling-gpo.html"]
    assert page.count('data-key="weights-image"') == shown
