from __future__ import annotations

import csv
import io
import json
import re

import jsonschema
import pytest

from tests.factories import make_curve, make_record, make_spec, save
from vsebench.plugin.errors import SpecError
from vsebench.report.results import load_results
from vsebench.report.tables.formats import Format
from vsebench.results.folder.store import Store
from vsebench.results.row_keys import COUNTS, IDENTITY
from vsebench.results.tasks import task_named

REASONS = ["collapsed", "selected in warm-up", "still rising"]
SCHEMA = {
    "type": "object",
    "required": ["schema", "level", "rows", "blocks", "notes", "warnings"],
    "additionalProperties": False,
    "properties": {
        "schema": {"const": 1},
        "level": {"const": 0.95},
        "blocks": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["dataset", "protocol", "protocol_changes", "target", "warnings"],
            },
        },
        "notes": {"type": "array", "items": {"type": "string"}},
        "warnings": {"type": "array", "items": {"type": "string"}},
        "rows": {
            "type": "array",
            "items": {
                "type": "object",
                "required": list(task_named("retrieval").row_keys),
                "additionalProperties": False,
                "properties": {
                    **{
                        key: {"type": ["number", "null"]}
                        for key in task_named("retrieval").row_keys
                    },
                    **{key: {"type": "string"} for key in IDENTITY},
                    **{key: {"type": "integer"} for key in COUNTS},
                    "sampler": {"type": "null"},
                    "no_evidence": {"type": "array", "items": {"enum": REASONS}},
                },
            },
        },
    },
}


def table_lines(text):
    """The lines of a terminal table between its rules."""
    rules = [i for i, line in enumerate(text.splitlines()) if re.fullmatch(r"[- ]+", line)]
    return text.splitlines()[rules[0] : rules[-1] + 1]


def test_json_is_what_the_schema_says(results):
    content = json.loads(
        results.table("json"), parse_constant=lambda c: pytest.fail(f"{c} in JSON")
    )
    jsonschema.validate(content, SCHEMA)
    assert content["rows"] == results.rows
    assert [list(row) for row in content["rows"]] == [list(task_named("retrieval").row_keys)] * 4


def test_json_holds_what_stands_under_the_table(results):
    content = json.loads(results.table("json"))
    (found,) = content["blocks"]
    said = " ".join(" ".join(results.table(width=10**6).split()).split())
    assert found["dataset"] == "scenes:images=1000"
    assert found["row_count"] == len(content["rows"]) == 4
    assert (found["protocol"], found["protocol_changes"]) == ("quick", {})
    assert found["target"]["baseline"] == ["gpo", "triplet"]
    assert f"Target: dev RSUM {found['target']['quality']:.1f}" in said
    assert [text for text in found["warnings"] if text.startswith("Failed")] == [
        "Failed: maxavg × aoq, seed 1: RuntimeError: diverged"
    ]
    for text in (*found["notes"], *found["warnings"], *content["notes"]):
        assert text in said
    assert content["warnings"] == []


def test_json_names_what_was_changed_of_the_protocol(tmp_path):
    spec = make_spec(protocol_changes={"epochs": 4, "sibling_mask": False})
    save(tmp_path, make_record(spec), make_curve([100]))
    (found,) = json.loads(load_results(tmp_path).table("json"))["blocks"]
    assert found["protocol_changes"] == {"epochs": 4, "sibling_mask": False}


def test_json_warns_of_runs_that_have_not_ended(tmp_path):
    save(tmp_path, make_record(), make_curve([100]))
    Store(tmp_path).directory_for(waiting := make_spec(seed=1)).write_spec(waiting)
    (warning,) = json.loads(load_results(tmp_path).table("json"))["warnings"]
    assert "Unfinished" in warning
    assert "seed 1" in warning


def test_csv_holds_the_same_rows(results):
    read = list(csv.DictReader(io.StringIO(results.table("csv"))))
    assert list(read[0]) == list(task_named("retrieval").row_keys)
    for text, row in zip(read, results.rows, strict=True):
        for key, value in row.items():
            if value is None:
                assert text[key] == ""
            elif isinstance(value, str):
                assert text[key] == value
            elif isinstance(value, list):
                assert text[key] == "; ".join(value)
            else:
                assert float(text[key]) == pytest.approx(value)
        assert text["seeds"] == str(row["seeds"])  # whole numbers stay whole


def test_rows_that_are_no_evidence_say_so_in_every_format(tmp_path):
    save(tmp_path, make_record(make_spec("gpo")), make_curve([100, 200, 300, 400]))
    save(tmp_path, make_record(make_spec("max")), make_curve([100, 200, 200, 200]))
    results = load_results(tmp_path)
    assert [row["no_evidence"] for row in results.rows] == [["still rising"], []]
    frame = results.frame()
    assert frame["no_evidence"].tolist() == ["still rising", ""]
    assert str(frame["no_evidence"].dtype) == "string"
    board = results.leaderboard()
    assert board["no_evidence"].tolist() == ["", "still rising"]
    assert board["rank"].tolist()[0] == 1
    assert board["rank"].isna().tolist() == [False, True]
    for form, mark in (("table", "300.0 ↑"), ("md", "300.0 ↑"), ("latex", r"300.0 $\uparrow$")):
        text = results.table(form)
        assert text.count(mark) == 1
        assert "Still rising" in text


def test_csv_of_rows_without_figures(tmp_path):
    save(tmp_path, make_record(status="failed", test={}, cost=None))
    text = load_results(tmp_path).table("csv")
    assert "nan" not in text.lower()
    assert "NA" not in text


def test_terminal_table_fits_100_columns_in_one_piece(results):
    text = results.table()
    assert max(map(len, text.splitlines())) <= 100
    lines = table_lines(text)
    assert len(lines) == 3 + 2 + 4
    assert re.split(r"  +", lines[2].strip()) == [
        "pooling",
        "loss",
        "seeds",
        "R@1",
        "R@5",
        "R@10",
        "R@1",
        "R@5",
        "R@10",
        "RSUM",
        "target",
        "target",
        "s",
    ]
    assert re.split(r"  +", lines[4].strip())[:3] == ["gpo", "triplet", "3"]
    assert re.split(r"  +", lines[7].strip())[:3] == ["maxavg", "aoq", "2 of 3"]


def test_terminal_table_shows_the_rows_figures(results):
    row = results.rows[0]
    cells = re.split(r"  +", table_lines(results.table())[4].strip())
    assert cells[3:9] == [
        f"{row[key]:.1f}" for key in ("i2t_r1", "i2t_r5", "i2t_r10", "t2i_r1", "t2i_r5", "t2i_r10")
    ]
    assert cells[9] == f"{row['rsum']:.1f} ±{row['rsum_hi'] - row['rsum']:.1f}"
    assert cells[10:] == [
        f"{row['steps_to_target']:.0f}",
        f"{row['seconds_to_target']:.1f}",
        f"{row['total_seconds']:.1f}",
    ]


@pytest.mark.parametrize("width", [80, 96, 100, 120])
def test_no_line_is_wider_than_the_terminal(results, width):
    text = results.table(width=width)
    assert max(map(len, text.splitlines())) <= width
    assert text.count("RSUM: sum") == 1
    assert text.count("gpo      aoq") == (1 if width >= 97 else 2)


def test_the_footer_says_what_the_figures_are(results):
    text = " ".join(results.table().split())
    for said in (
        "scenes:images=1000 · test",
        "any-hit",
        "95 % t-interval",
        "95 % of the best of gpo × triplet",
        "Protocol quick; sibling_mask=true",
        "Device: cpu (AMD EPYC 9965)",
        "Seeds: 0, 1, 2.",
        "Data: 999 images were dropped",
        "Failed: maxavg × aoq, seed 1: RuntimeError: diverged",
    ):
        assert said in text


def test_markdown_is_one_pipe_table_with_notes(results):
    text = results.table("md")
    table = [line for line in text.splitlines() if line.startswith("|")]
    assert len(table) == 2 + 4
    assert {line.count("|") for line in table} == {14}
    assert "i2t R@1" in table[0]
    assert "s to target" in table[0]
    assert "- Seeds: 0, 1, 2." in text


def test_latex_is_escaped_and_balanced(results):
    text = results.table("latex")
    assert text.count(r"\begin{table}") == text.count(r"\end{table}") == 1
    assert r"\toprule" in text
    assert r"$\pm$" in text
    assert r"sibling\_mask" in text
    assert not re.search(r"(?<!\\)[%#_]", text)
    assert text.isascii()
    assert text.count("{") - text.count(r"\{") == text.count("}") - text.count(r"\}")


def test_unreached_targets_say_how_many_seeds_arrived(tmp_path):
    for seed in (0, 1):
        save(tmp_path, make_record(make_spec("gpo", seed=seed)), make_curve([100, 200]))
        save(
            tmp_path,
            make_record(make_spec("max", seed=seed)),
            make_curve([100, 200 if seed else 150]),
        )
        save(tmp_path, make_record(make_spec("mean", seed=seed)), make_curve([100, 110]))
    lines = table_lines(load_results(tmp_path, baseline="gpo,triplet").table())
    shown = {line.split()[0]: re.split(r"  +", line)[-3:-1] for line in lines[4:7]}
    assert shown == {"gpo": ["20", "4.0"], "max": ["1 of 2", "–"], "mean": ["none of 2", "–"]}


def test_runs_of_no_epoch_arrive_nowhere(tmp_path):
    for pooling in ("gpo", "max"):
        (start,) = make_curve([100])
        at_once = start.model_copy(update={"step": 0, "seconds": 0.0, "epoch": 0.0})
        save(tmp_path, make_record(make_spec(pooling)), [at_once])
    lines = table_lines(load_results(tmp_path).table())
    assert [re.split(r"  +", line)[-3:-1] for line in lines[4:6]] == [["–", "–"]] * 2


def test_a_single_seed_that_never_arrives(tmp_path):
    save(tmp_path, make_record(make_spec("gpo")), make_curve([100, 200]))
    save(tmp_path, make_record(make_spec("max")), make_curve([100, 110]))
    text = load_results(tmp_path).table()
    assert "never" in text
    assert "±" not in "".join(table_lines(text))


def test_data_sets_are_blocks_with_one_legend(tmp_path):
    for dataset in ("scenes", "flickr8k"):
        save(tmp_path, make_record(make_spec(dataset=dataset)), make_curve([100]))
    for form in ("table", "md"):
        text = load_results(tmp_path).table(form)
        assert text.count("RSUM: sum of the six") == 1
        assert text.count("Target:") == 2
    assert load_results(tmp_path).table("latex").count("RSUM: sum of the six") == 2


@pytest.mark.parametrize("width", [0, -3])
def test_a_width_of_nothing_is_refused(results, width):
    with pytest.raises(SpecError, match=f"got width={width}"):
        results.table(width=width)


def test_unknown_format(results):
    with pytest.raises(SpecError, match=r"unknown format 'jsn': did you mean 'json'\?"):
        results.table("jsn")


@pytest.mark.parametrize("form", Format.__args__)
def test_no_trailing_line_end(results, form):
    assert results.table(form) == results.table(form).rstrip("\n")
