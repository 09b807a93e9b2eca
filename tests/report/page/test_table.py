"""The numbers of the page are those of every other format."""

from __future__ import annotations

import json
import re

import pytest

from tests.factories import make_annotation_spec, make_curve, make_record, make_spec, save
from tests.report.page.dom import parse, tables
from vsebench.report.results import load_results
from vsebench.report.tables.layout import ABSENT, whole
from vsebench.results.record import Collapse, Column

METRICS = ("p_at_5", "p_at_10", "r_at_5", "r_at_10", "map", "auc")
COST = {"sampling_seconds": 8.0, "refresh_seconds": 2.0, "update_seconds": 30.0}
MEASURED = {"mrr": (0.4, 0.5), "huge": (123456.75, 123458.5)}


@pytest.fixture(scope="module")
def retrieval(tmp_path_factory):
    """Two seeds, one of them collapsed, and one seed alone; plugins measured two columns on some
    rows.
    """
    out = tmp_path_factory.mktemp("retrieval")
    collapse = Collapse(
        step=30, cosine=0.985, best_rsum=120, last_rsum=40, last_loss=51.19, plateau=51.2
    )
    for seed in (0, 1):
        columns = {
            name: Column(value=values[seed], source="acme 1.2") for name, values in MEASURED.items()
        }
        save(
            out,
            make_record(
                make_spec("gpo", "aoq:h=100", seed),
                rsum=300 + 7 * seed,
                collapse=collapse if seed else None,
                columns=columns,
            ),
            CURVE,
        )
    save(out, make_record(make_spec("gpo/mean")), make_curve([100, 110]))
    save(
        out,
        make_record(
            make_spec("max"), status="failed", test={}, cost=None, error="RuntimeError: diverged"
        ),
    )
    return load_results(out)


@pytest.fixture(scope="module")
def annotation(tmp_path_factory):
    """Labels ranked with two samplers, each tuned for itself."""
    out = tmp_path_factory.mktemp("annotation")
    for sampler, lr in (("uniform", 0.05), ("vse-ens", 0.1)):
        for seed in (0, 1):
            spec = make_annotation_spec(sampler, seed=seed, tuned=("lr",))
            spec = spec.model_copy(update={"protocol": spec.protocol.model_copy(update={"lr": lr})})
            test = dict.fromkeys(METRICS, 0.2 + lr + 0.01 * seed)
            curve = [e.model_copy(update={"metrics": dict.fromkeys(METRICS, 0.1)}) for e in CURVE]
            save(out, make_record(spec, test=test, best_dev=test, cost=COST), curve)
    return load_results(out)


CURVE = make_curve([100, 200, 250])


@pytest.fixture(params=["retrieval", "annotation"])
def results(request):
    return request.getfixturevalue(request.param)


def of_page(results):
    (section,) = parse(results.page()).all("section")
    return tables(section)


def rows_of(results):
    return json.loads(results.table("json"))["rows"]


def number(cell):
    value = cell.get("data-value")
    return None if value is None else float(value)


def test_every_key_of_the_json_is_on_the_page_with_its_value(results):
    _, full = of_page(results)
    rows = rows_of(results)
    assert list(full.heads) == list(rows[0])
    assert len(full.rows) == len(rows) > 1
    for cells, row in zip(full.rows, rows, strict=True):
        for key, value in row.items():
            if isinstance(value, str | list):
                text = value if isinstance(value, str) else "; ".join(value) or ABSENT
                assert (cells[key].text, number(cells[key])) == (text, None)
            else:
                assert number(cells[key]) == value
                assert (
                    cells[key].text == ABSENT
                    if value is None
                    else float(cells[key].text) == pytest.approx(value, rel=1e-5)
                )


def test_the_table_that_is_read_sorts_by_the_values_of_the_json(results):
    main, _ = of_page(results)
    compared = 0
    for cells, row in zip(main.rows, rows_of(results), strict=True):
        for key in main.heads.keys() & row.keys():
            if not isinstance(row[key], str):
                assert number(cells[key]) == row[key], key
                compared += row[key] is not None
    assert compared > 3 * len(main.rows)


def test_it_shows_what_the_text_table_shows(results):
    main, _ = of_page(results)
    (block,) = results.blocks
    grid = whole(block)
    tuned = {key for entry in block.entries for key in entry.tuned}
    # What was tuned comes last here
    order = sorted(range(len(grid.heads)), key=lambda i: "".join(grid.heads[i]) in tuned)
    assert [head.text for head in main.heads.values()] == ["".join(grid.heads[i]) for i in order]
    headline = block.section.task.headline.key
    for cells, texts in zip(main.rows, grid.body, strict=True):
        for (key, cell), text in zip(cells.items(), (texts[i] for i in order), strict=True):
            shown = cell.text if key == headline else re.sub("±.*", "", cell.text)
            parts = re.compile(r"[†‡↑]|±[\d.]+|[^†‡↑± ]+")
            assert sorted(parts.findall(shown)) == sorted(parts.findall(text))


def test_every_mean_has_its_interval(results):
    main, _ = of_page(results)
    (block,) = results.blocks
    intervals = [metric.key for metric in block.section.metrics if metric.interval is not None]
    assert main.heads.keys() >= set(intervals)
    shown = 0
    for cells, row in zip(main.rows, rows_of(results), strict=True):
        for key in intervals:
            spread = [small.text for small in cells[key].all("small")]
            if row[f"{key}_lo"] is None:
                assert spread == []
                assert cells[key].get("title") is None
                continue
            (text,) = spread
            assert float(text.removeprefix("±")) == pytest.approx(
                (row[f"{key}_hi"] - row[f"{key}_lo"]) / 2,
                rel=0.05,
                abs=0.051 if row[key] > 1 else 0.00051,
            )
            assert (
                cells[key]["title"]
                == f"95 % interval {row[f'{key}_lo']:.4g} … {row[f'{key}_hi']:.4g}"
            )
            shown += 1
    assert shown >= len(intervals)


def test_words_are_left_and_numbers_right(results):
    main, full = of_page(results)
    words = {key for key, head in main.heads.items() if "word" in head.classes}
    assert words in ({"pooling", "loss"}, {"sampler", "loss"})
    assert all(
        ("word" in cell.classes) == (key in words)
        for cells in main.rows
        for key, cell in cells.items()
    )
    assert {"dataset", "task", "protocol", "loss"} <= {
        key for key, head in full.heads.items() if "word" in head.classes
    }


def test_columns_say_what_they_are(results):
    main, full = of_page(results)
    tuned = {"lr"}
    for key, head in (main.heads | full.heads).items():
        assert (head.get("title") or "").endswith(".") != (key in tuned), key


def test_a_column_of_a_plugin_names_its_source(retrieval):
    main, _ = of_page(retrieval)
    assert main.heads["mrr"]["title"] == "Measured on test by acme 1.2."
    assert [number(cells["mrr"]) for cells in main.rows] == [pytest.approx(0.45), None, None]
    assert [cells["huge"].text.partition("±")[0] for cells in main.rows] == [
        "1.235e+05",
        ABSENT,
        ABSENT,
    ]


def test_what_was_tuned_is_a_column(annotation):
    main, _ = of_page(annotation)
    assert [(cells["lr"].text, number(cells["lr"])) for cells in main.rows] == [
        ("0.05", 0.05),
        ("0.1", 0.1),
    ]


def test_rows_that_are_no_evidence_and_failed_runs_are_marked(retrieval):
    main, full = of_page(retrieval)
    marks = [
        [(mark.text, mark.get("title")) for mark in cells["rsum"].all("b", "mark")]
        for cells in main.rows
    ]
    assert marks == [[("†", "collapsed"), ("↑", "still rising")], [("↑", "still rising")], []]
    said = [cells["no_evidence"].text for cells in full.rows]
    assert said == ["collapsed; still rising", "still rising", ABSENT]
    assert [cells["seeds"].text for cells in main.rows] == ["2", "1", "0 of 1"]
    assert main.rows[2]["rsum"].text == ABSENT
