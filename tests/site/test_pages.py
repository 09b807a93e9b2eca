from __future__ import annotations

import csv
import io
import json
import posixpath
import re

import numpy as np
import pytest

from tests.claims.made import claims
from tests.claims.made import leave as leave_claimed
from tests.claims.test_judge import MEAN, ahead
from tests.factories import make_external, make_provenance, make_spec
from tests.report.page.dom import keyed, parse
from tests.site.made import ROWS, leave, pages, studies, study
from vsebench.claims.judge import judge
from vsebench.plugin.cards import Card, Paper
from vsebench.plugin.host.loader import load_plugins
from vsebench.plugin.params import Param
from vsebench.plugin.registry import Component, Origin, Registry
from vsebench.results.external import write_external
from vsebench.site.render import Claims

HOSTILE = '<script>alert("1")</script>\'"><img src=x onerror=alert(2)>&amp;{{ 7 * 7 }}$x$'


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    root = tmp_path_factory.mktemp("studies")
    return study(root / "one"), study(root / "two", {"gpo": 200.0, "mean": 150.0})


@pytest.fixture(scope="module")
def site(places):
    return pages(*places)


def leaderboard(html):
    (table,) = parse(html).all("table", "leaderboard")
    return keyed(table)


def registry(**changes):
    found = Registry()
    card = Card("sorted values", paper=Paper("GPO", 2021, "https://example.org/gpo", "CVPR"))
    params = (Param("d_pe", 32, "size", minimum=2),)
    origin = Origin("vsebench", "gpo", "0.1.0")
    target = "vsebench_plugins.gpo.pooling:GPO"
    found.add(
        Component(
            "pooling",
            "gpo",
            **{"target": target, "params": params, "card": card} | changes,
            origin=origin,
        )
    )
    return found


def test_every_study_and_method_has_a_page(site):
    assert set(site) == {
        *("index.html", "site.css", "site.js"),
        *(f"studies/{name}.{form}" for name in ("one", "two") for form in ("html", "csv", "json")),
        *(f"methods/pooling-{name}.html" for name in ROWS),
        "methods/loss-triplet.html",
    }


def test_external_rows_stand_on_the_page_and_in_its_csv(tmp_path):
    out = study(tmp_path / "runs", {"gpo": 200.0, "mean": 150.0})
    write_external(out, make_external("CLIP <b>"), (np.arange(20), np.arange(100)))
    made = pages(out)
    rows = leaderboard(made["studies/runs.html"]).rows
    assert [row["rank"].text for row in rows] == ["1", "2", "–"]
    assert rows[-1]["pooling"].text == "CLIP <b> §"
    assert "§ External: vsebench measured" in parse(made["studies/runs.html"]).text
    found = list(csv.DictReader(io.StringIO(made["studies/runs.csv"])))
    assert [row["external"] for row in found] == ["False", "False", "True"]


def test_the_index_lists_studies_with_their_best_row(site):
    (table,) = parse(site["index.html"]).all("table")
    rows = [[cell.text for cell in row.all("td")] for row in table.one("tbody").all("tr")]
    assert rows[0][:6] == ["one", "scenes", "quick", "4", "16", "gpo × triplet"]
    assert rows[1][6].startswith("RSUM 200.")
    assert [link["href"] for link in table.all("a")] == [
        "studies/one.html#part-1",
        "studies/two.html#part-1",
    ]


def test_the_leaderboard_has_ranks_groups_and_intervals(site):
    found = leaderboard(site["studies/one.html"])
    assert [row["pooling"].text for row in found.rows] == list(ROWS)
    assert [row["rank"].text for row in found.rows] == ["1", "2", "3", "4"]
    assert [row["groups"].text for row in found.rows] == ["a", "a", "b", "c"]
    assert re.fullmatch(r"95 % interval \S+ … \S+", found.rows[0]["rsum"]["title"])
    assert found.rows[0]["pooling"].one("a")["href"] == "../methods/pooling-gpo.html"
    lines = parse(site["studies/one.html"]).one("table", "leaderboard").one("tbody").all("tr")
    assert [line.get("data-groups") for line in lines] == ["a", "a", "b", "c"]


def test_two_poolings_of_a_row_have_a_link_each(tmp_path):
    leave(tmp_path, "gpo/mean:w=1", 200.0)
    cell = leaderboard(pages(tmp_path)[f"studies/{tmp_path.name.replace('_', '-')}.html"]).rows[0]
    assert [(a.text, a["href"]) for a in cell["pooling"].all("a")] == [
        ("gpo", "../methods/pooling-gpo.html"),
        ("mean:w=1", "../methods/pooling-mean.html"),
    ]


def test_figures_show_every_row_and_colours_the_best_only(tmp_path):
    rows = {f"p{i}": 300.0 - 10 * i for i in range(9)}
    html = pages(study(tmp_path / "many", rows))["studies/many.html"]
    document = parse(html)
    figures = {figure["data-key"]: figure for figure in document.all("figure")}
    assert list(figures) == ["updates", "wall", "forwards", "cost"]
    for figure in figures.values():
        shown = {group["data-row"] for group in figure.all("g", "curve")}
        assert shown == {str(i) for i in range(9)}
    keys = [key for legend in document.all("ul", "legend") for key in legend.all("li")]
    assert [key["data-row"] for key in keys] == [str(i) for i in range(9)]
    coloured = [key.one("i").get("style") for key in keys]
    assert len(set(coloured[:6])) == 6
    assert coloured[6:] == [None] * 3
    assert "3 more rows" in document.one("details", "rest").one("summary").text


def test_differences_are_a_square_that_mirrors_itself(site):
    table = parse(site["studies/one.html"]).one("table", "matrix")
    rows = [row.all("td") for row in table.one("tbody").all("tr")]
    assert [cells[i].text for i, cells in enumerate(rows)] == ["·"] * 4
    for i in range(4):
        for j in range(i):
            assert float(rows[i][j].text) == -float(rows[j][i].text)
            assert ("told" in rows[i][j].classes) == ("told" in rows[j][i].classes)
    assert "told" not in rows[0][1].classes
    assert "told" in rows[0][3].classes
    assert rows[0][3]["title"].startswith("gpo − kmax: 95 % interval +")


def test_a_method_has_its_card_and_every_row(places):
    document = parse(pages(*places, registry=registry())["methods/pooling-gpo.html"])
    assert document.one("h1").text == "gpo"
    assert "https://example.org/gpo" in [link["href"] for link in document.all("a")]
    assert "sorts each dimension's values" in document.one("p", "doc").text
    parameters, rows = document.all("table")
    assert [cell.text for cell in parameters.one("tbody").all("td")] == [
        "d_pe",
        "32",
        "int, at least 2",
        "size",
    ]
    assert [row.all("td")[0].text for row in rows.one("tbody").all("tr")] == ["one", "two"]


def test_a_method_without_a_docstring_says_so(places, tmp_path, monkeypatch):
    (tmp_path / "vsebench_bare.py").write_text("class GPO:\n    pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    found = registry(target="vsebench_bare:GPO")
    document = parse(pages(*places, registry=found)["methods/pooling-gpo.html"])
    assert document.all("p", "doc") == []
    assert "Its source has no docstring." in document.text


def test_a_method_that_is_not_installed_is_said_to_be(site):
    assert "is not installed" in parse(site["methods/pooling-gpo.html"]).one("p", "alarm").text


def test_rows_are_data_too(site):
    held = json.loads(site["studies/one.json"])
    assert [row["rank"] for row in held["boards"][0]["rows"]] == [1, 2, 3, 4]
    assert [row["pooling"] for row in csv.DictReader(io.StringIO(site["studies/one.csv"]))] == list(
        ROWS
    )


def test_every_run_says_where_it_comes_from(site):
    table = parse(site["studies/one.html"]).all("table")[-1]
    rows = table.one("tbody").all("tr")
    assert len(rows) == 16
    assert {"AMD EPYC 9965", "2026-11-21", "torch 2.13.0"} <= {
        cell.text for cell in rows[0].all("td")
    }


def test_claims_have_their_verdicts(tmp_path):
    held = claims(tmp_path)
    leave_claimed(held, tmp_path / "runs", "mean,triplet", MEAN)
    leave_claimed(held, tmp_path / "runs", "gpo,triplet", ahead(9))
    study(tmp_path / "other")
    found = studies(tmp_path / "runs")
    judged = judge(held, found[0].gathered.ended, load_plugins().registry)
    site = pages(tmp_path / "runs", tmp_path / "other", claims=[Claims(held, judged, "claims")])
    document = parse(site["claims/claims.html"])
    assert [each.text for each in document.all("span", "verdict")] == ["confirmed"] * 2
    assert "GPO is better than the mean" in document.text
    assert "../studies/runs.html" in [link["href"] for link in document.all("a")]
    assert "studies/other.html" not in site["claims/claims.html"]
    links = [link["href"] for link in parse(site["studies/runs.html"]).all("a")]
    assert "../claims/claims.html" in links
    assert "claims/claims.html" not in site["studies/other.html"]
    assert "claims/claims.html" in site["index.html"]


def test_names_are_text_wherever_they_stand(tmp_path):
    spec = make_spec(dataset="scenes" + HOSTILE.replace(":", ""), protocol_changes={"lr": HOSTILE})
    hostile = spec.image_pooling.model_copy(update={"spec": HOSTILE, "name": HOSTILE})
    changes = {
        "image_pooling": hostile,
        "text_pooling": hostile,
        "dataset": "scenes" + HOSTILE.replace(":", ""),
        "protocol_changes": {"lr": HOSTILE},
    }
    record = {
        "warnings": (HOSTILE,),
        "plugin_failures": (HOSTILE,),
        "provenance": make_provenance(libraries={"torch": HOSTILE}, device_name=HOSTILE),
    }
    leave(tmp_path / "odd", "x", 200.0, record=record, **changes)
    leave(
        tmp_path / "odd",
        "mean",
        150.0,
        dataset=changes["dataset"],
        protocol_changes={"lr": HOSTILE},
    )
    for path, text in pages(tmp_path / "odd").items():
        if not path.endswith(".html"):
            continue
        document = parse(text)
        assert len(document.all("script")) == 1
        assert not document.all("img")
        assert not any(
            key.startswith("on") for element in document.all("*") for key in element.attributes
        )
        assert HOSTILE in document.text


def test_nothing_is_fetched_and_every_link_leads_somewhere(site):
    for path, text in site.items():
        if path.endswith((".css", ".js")):
            assert "http" not in text
            assert "@import" not in text
        if not path.endswith(".html"):
            continue
        document = parse(text)
        elements = document.all("*")
        assert not {element.tag for element in elements} & {"img", "iframe", "object", "base"}
        sources = [element["src"] for element in document.all("script")]
        sources += [element["href"] for element in document.all("link")]
        assert sources == [sources[0], sources[0].replace(".js", ".css")]
        ids = [element["id"] for element in elements if "id" in element.attributes]
        assert len(ids) == len(set(ids))
        links = [each["href"] for each in elements if "href" in each.attributes]
        for link in [*links, *sources]:
            target, _, anchor = link.partition("#")
            whole = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
            assert not target or whole in site, link
            if anchor:
                assert f'id="{anchor}"' in (site[whole] if target else text), link


def test_pages_are_whole_without_their_script(site):
    document = parse(site["studies/one.html"])
    assert not document.all("button")
    assert not any("hidden" in element.attributes for element in document.all("*"))


def test_the_same_studies_give_the_same_site(places, site):
    assert pages(*places) == site
