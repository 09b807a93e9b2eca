"""Figures as files."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from vsebench.plugin.errors import VsebenchError
from vsebench.report.figures.save import check_figure, write_figure

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.figure import Figure


def drawn() -> Figure:
    figure = pytest.importorskip("matplotlib.figure", reason="matplotlib is not installed").Figure()
    panel = figure.subplots()
    panel.fill_between([0, 1], [0, 1], [1, 2], label="a band")
    panel.legend()
    return figure


@pytest.mark.parametrize("ending", ["png", "svg", "pdf"])
def test_the_same_figure_is_the_same_file(tmp_path: Path, ending: str) -> None:
    first, second = (tmp_path / f"{name}.{ending}" for name in ("first", "second"))
    write_figure(drawn(), first)
    write_figure(drawn(), second)
    assert first.read_bytes() == second.read_bytes()
    assert not re.search(rb"dc:date|CreationDate", first.read_bytes())


def test_an_unknown_ending_is_refused(tmp_path: Path) -> None:
    with pytest.raises(VsebenchError, match=r"\.png, \.svg, \.pdf"):
        check_figure(tmp_path / "figure.gif")
