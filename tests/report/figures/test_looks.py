from __future__ import annotations

import re
from importlib.resources import files

import pytest

from vsebench.report.figures.curves import COLOURS, HUES, REST, look, told


def luminance(colour):
    digits = colour.removeprefix("#")
    digits = digits if len(digits) == 6 else "".join(2 * digit for digit in digits)
    channels = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one, other):
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def themes():
    """The page's colours, light and dark."""
    css = (files("vsebench.report.page") / "templates" / "page.css").read_text()
    found = [dict(re.findall(r"--([\w-]+): (#\w+)", block)) for block in css.split("}")[:2]]
    site = (files("vsebench.site") / "templates" / "site.css.jinja").read_text()
    own = [dict(re.findall(r"--([\w-]+): (#\w+)", line)) for line in site.splitlines()[1:3]]
    light = found[0] | own[0]
    return {"light": light, "dark": light | found[1] | own[1]}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_has_aa_contrast(theme):
    colours = themes()[theme]
    for name in ("ink", "soft", "link", "bad", "good"):
        for ground in ("paper", "tint"):
            assert contrast(colours[name], colours[ground]) >= 4.5, (name, ground)


def mixed(one, other, share):
    pairs = [(int(one[i : i + 2], 16), int(other[i : i + 2], 16)) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(share * a + (1 - share) * b):02x}" for a, b in pairs)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("side", ["ahead", "behind"])
def test_the_darkest_cell_of_the_matrix_can_be_read(theme, side):
    colours = themes()[theme]
    paper = colours["paper"] if len(colours["paper"]) == 7 else "#ffffff"
    assert contrast(colours["ink"], mixed(colours[side], paper, 0.45)) >= 4.5


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_curves_stand_out_from_the_page(theme):
    for colour in (*COLOURS, REST):
        assert contrast(colour, themes()[theme]["paper"]) >= 3, colour


def test_the_first_rows_have_colours_of_their_own():
    assert len({look(i).color for i in range(len(HUES))}) == len(HUES)
    assert [told(i) for i in (0, len(HUES) - 1, len(HUES))] == [True, True, False]
    assert {look(i) for i in range(len(HUES), 40)} == {(REST, "-")}
