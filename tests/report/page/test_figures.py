from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest

from tests.factories import make_curve, make_record, make_spec
from vsebench.report.page.figures import curves
from vsebench.report.rows.combinations import make_block
from vsebench.report.rows.runs import Run
from vsebench.report.rows.sections import Section


def run(pooling, seed=0, curve=(100, 150, 160), loss="triplet", **changes):
    return Run(make_record(make_spec(pooling, loss, seed), **changes), tuple(make_curve(curve)))


def drawn(*runs, number=0):
    return curves(make_block(Section(runs)), number)


def lines(drawing, row):
    """The vertices of a row's line in an SVG: its curve group without the filled interval."""
    groups = [
        group
        for group in ET.fromstring(drawing.svg).iter("g")
        if group.get("class") == f"curve row-{row}"
    ]
    assert len(groups) == 2
    (path,) = [
        path
        for group in groups
        for path in group.iter("path")
        if "fill: none" in path.get("style", "")
    ]
    return [tuple(map(float, point)) for point in re.findall(r"[ML] (\S+) (\S+)", path.get("d"))]


def test_curves_run_through_the_means_over_seeds():
    found = drawn(
        run("gpo", 0, [100, 180, 200]),
        run("gpo", 1, [120, 140, 220]),
        run("max", cost={"mining_seconds": 6.0}),
    )
    assert [drawing.about for drawing in found.drawings] == [
        "Dev RSUM over updates",
        "Dev RSUM over seconds",
    ]
    (x1, y1), (x2, y2), (x3, y3) = lines(found.drawings[0], 0)  # means 110, 160, 210
    assert y1 > y2 > y3
    assert y1 - y2 == pytest.approx(y2 - y3, rel=1e-3)
    assert x2 - x1 == pytest.approx(x3 - x2, rel=1e-3)
    (of_gpo, *_), (of_max, *_) = (lines(found.drawings[1], row) for row in (0, 1))
    # What a method needs first counts
    assert of_max[0] - of_gpo[0] == pytest.approx(
        3 * (lines(found.drawings[1], 0)[1][0] - of_gpo[0]), rel=1e-3
    )


def test_wide_intervals_do_not_dwarf_the_means():
    # Means 110 and 220; two seeds: ±127 and ±254
    found = drawn(run("gpo", 0, [100, 200]), run("gpo", 1, [120, 240]))
    (_, first), (_, last) = lines(found.drawings[0], 0)
    height = float(ET.fromstring(found.drawings[0].svg).get("viewBox").split()[3])
    assert first - last > 0.5 * height


def test_means_and_target_are_in_the_picture():
    found = drawn(
        run("gpo", curve=[100, 200]), run("max", curve=[20, 30]), run("mean", curve=[20, 210])
    )
    (_, _, width, height) = map(float, ET.fromstring(found.drawings[0].svg).get("viewBox").split())
    for row in (0, 1, 2):
        assert all(
            0 < x < width and 0 < y < 0.87 * height for x, y in lines(found.drawings[0], row)
        )


def test_a_curve_without_a_rise_is_drawn():
    (_, first), (_, last) = lines(
        drawn(run("gpo", curve=[100, 100]), run("max", status="failed")).drawings[0], 0
    )
    assert first == last


def test_rows_without_a_curve_are_not_in_the_legend():
    found = drawn(run("gpo"), run("max", status="failed"), run("mean", curve=[]), run("kmax"))
    assert [(key.row, key.name) for key in found.legend] == [(0, "gpo"), (3, "kmax")]
    assert {group.get("class") for group in ET.fromstring(found.drawings[0].svg).iter("g")} - {
        None
    } == {"curve row-0", "curve row-3"}


def test_nothing_to_draw():
    assert drawn(run("gpo", curve=[]), run("max", status="failed")) == ([], [])


def test_the_legend_names_what_differs():
    assert [key.name for key in drawn(run("gpo"), run("gpo", loss="aoq")).legend] == [
        "triplet",
        "aoq",
    ]
    assert [key.name for key in drawn(run("gpo"), run("max", loss="aoq")).legend] == [
        "gpo × triplet",
        "max × aoq",
    ]
    assert [key.name for key in drawn(run("gpo")).legend] == ["gpo × triplet"]


def test_more_rows_than_colours_differ_in_dashes():
    found = drawn(*(run(f"p{i}") for i in range(23)))
    assert len({(key.colour, key.dash) for key in found.legend}) == 23


def test_a_single_evaluation_is_a_dot():
    found = drawn(run("gpo", curve=[100]))
    (group,) = [
        g
        for g in ET.fromstring(found.drawings[0].svg).iter("g")
        if g.get("class") == "curve row-0" and g.findall("path")
    ]
    assert list(group.iter("use"))


def test_svg_takes_the_pages_colours_and_keeps_to_itself():
    first, second = (drawn(run("gpo"), run("max"), number=number) for number in (0, 1))
    ids = []
    for drawing in (*first.drawings, *second.drawings):
        assert "#010203" not in drawing.svg
        assert "currentColor" in drawing.svg
        assert "http" not in drawing.svg
        root = ET.fromstring(drawing.svg)
        assert not list(root.iter("style"))
        assert not root.attrib.keys() & {"width", "height"}
        own = [element.get("id") for element in root.iter() if element.get("id")]
        assert set(re.findall(r'(?:href="|url\()#([^")]+)', drawing.svg)) <= set(own)
        assert set(re.findall(r"url\(#", drawing.svg))
        ids += own
    assert len(ids) == len(set(ids))
