"""Verdicts on the page of `vsebench report --html`."""

from __future__ import annotations

import pytest

from tests.claims.made import claims, leave
from tests.claims.test_judge import MEAN, ahead
from tests.report.page.dom import parse
from vsebench.cli.app import main


def report(*arguments):
    with pytest.raises(SystemExit) as ended:
        main(["report", *map(str, arguments)])
    return ended.value.code


def test_a_page_shows_verdicts_where_claims_are_given(tmp_path, capsys):
    held = claims(tmp_path)
    leave(held, tmp_path / "runs", "mean,triplet", MEAN)
    leave(held, tmp_path / "runs", "gpo,triplet", ahead(9))
    page = tmp_path / "page.html"
    assert report(tmp_path / "runs", "--html", page, "--claims", held.path) == 0
    document = parse(page.read_text())
    assert [each.text for each in document.all("span", "verdict")] == ["confirmed"] * 2
    assert "Claims of claims.toml" in document.text
    assert "GPO is better than the mean" in document.text
    assert "1 confirmed, 0 refuted" in document.text
    assert "--html page.html --claims claims.toml" in document.text
    anchors = [link["href"] for link in document.all("a") if link["href"].startswith("#claims")]
    sections = [section.get("id") or "" for section in document.all("section")]
    assert anchors == [f"#{name}" for name in sections if name.startswith("claims")]
    assert len(anchors) == 1
    assert report(tmp_path / "runs", "--html", page) == 0
    assert "verdict" not in [each["class"] for each in parse(page.read_text()).all("span")]
    capsys.readouterr()
    assert report(tmp_path / "runs", "--claims", held.path) == 2
    assert "write one with --html FILE" in capsys.readouterr().err
