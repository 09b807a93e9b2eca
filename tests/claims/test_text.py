from __future__ import annotations

import json

from tests.claims.made import claims, leave
from tests.claims.test_judge import MEAN, REGISTRY, ahead, longer
from vsebench.claims.judge import judge
from vsebench.claims.text import render
from vsebench.report.rows.runs import read_runs


def said(folder, form):
    several = (
        {"paper": '"VSE-infinity, section 4.3"', "margin": "3.0"},
        {"id": '"sooner"', "kind": '"speed"', "target": "95.0", "ratio": "2.0"},
        {"id": '"spoiled"', "contrast": '{ row = "maxavg,triplet", reference = "mean,triplet" }'},
    )
    held = claims(folder, *several)
    leave(held, folder / "runs", "mean,triplet", MEAN)
    leave(held, folder / "runs", "gpo,triplet", ahead(3))
    leave(held, folder / "runs", "maxavg,triplet", ahead(3), record={"warmup_steps": 60})
    return render(held, judge(held, read_runs(folder / "runs").ended, REGISTRY), form)


def test_the_terminal_shows_verdicts_numbers_and_what_was_asked(tmp_path):
    text = said(tmp_path, "table")
    assert max(map(len, text.splitlines())) <= 100
    rows = {line.split()[0]: line for line in text.splitlines() if line}
    assert "undecided" in rows["gpo-better"]
    assert "+3.0" in rows["gpo-better"]
    assert "1.00 ×" in rows["sooner"]
    assert "inadmissible" in rows["spoiled"]
    flat = " ".join(text.split())
    assert "Asked: more than 3.0 RSUM better" in flat
    assert "(VSE-infinity, section 4.3)" in flat
    assert "in 4 of 5 cases" in flat
    assert "Inadmissible: maxavg × triplet: selected in warm-up." in flat
    assert "0 confirmed, 1 refuted, 1 undecided, 1 inadmissible." in flat
    assert "Family poolings: 2 of 3 claims tested together at 95 %" in flat


def test_settings_that_the_reference_has_alone_are_named(tmp_path):
    held = longer(tmp_path)
    text = render(held, judge(held, read_runs(tmp_path / "runs").ended, REGISTRY), "md")
    assert "gpo × triplet against gpo × triplet with epochs=30." in text


def test_markdown_is_a_table_and_a_list(tmp_path):
    lines = said(tmp_path, "md").splitlines()
    assert lines[0].startswith("| claim")
    assert all(line.startswith(("|", "- ")) for line in lines if line)


def test_json_holds_the_claims_the_digests_and_the_numbers(tmp_path):
    found = json.loads(said(tmp_path, "json"))
    first, second, third = found["claims"]
    assert (first["id"], first["verdict"], first["metric"]) == ("gpo-better", "undecided", "rsum")
    assert first["evidence"]["seeds"] == [0, 1, 2, 3, 4, 5]
    assert first["evidence"]["row"] == "gpo,triplet"
    assert (second["kind"], second["verdict"]) == ("speed", "refuted")
    assert third["evidence"] is None
    assert list(found["suites"]) == ["suite.toml"]
    assert len(found["suites"]["suite.toml"]) == 64
