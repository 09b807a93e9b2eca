from __future__ import annotations

import json
import re

import pytest

from tests.factories import make_record, save
from tests.report.verified import INSTALLED, leave, published, registry, spec
from vsebench.plugin import SpecError
from vsebench.report.verification.text import render
from vsebench.report.verification.verify import verify


def test_the_terminal_shows_figures_limits_and_the_outcome(tmp_path):
    for seed in (0, 1, 2):
        leave(tmp_path, "gpo", "triplet", seed, test={"i2t_r1": 79.0 + seed, "rsum": 500.0})
    leave(tmp_path, "gpo", "aoq")
    text = render(verify("gpo", tmp_path, INSTALLED), "table", 100)
    assert max(map(len, text.splitlines())) <= 100
    assert text.startswith(
        "flickr30k · gpo × triplet · seeds 0, 1, 2\npublished: flickr30k full, BUTD regions, "
        "bigru, gpo × triplet"
    )
    figures = """
published    76.5    94.2    97.7    56.4    83.4    89.9  498.1
ours         80.0    94.2    97.7    56.4    83.4    89.9  500.0
gap         +3.50   +0.00   +0.00   +0.00   +0.00   +0.00  +1.90
limit       ±3.30   ±1.89   ±0.96   ±1.74   ±1.09   ±0.80  ±5.34
"""
    assert re.sub(" +", " ", figures) in re.sub(" +", " ", text)
    assert "NOT REPRODUCED. Outside: i2t R@1." in text
    assert (
        "* flickr30k · gpo × aoq · seed 0\n    differs in loss aoq (published: triplet)\n" in text
    )
    assert text.endswith(
        "gpo: 0 reproduced, 1 not reproduced, 0 too few seeds; 1 without a published figure."
    )


def test_one_seed_tells_nothing_and_nothing_compared_is_said(tmp_path):
    leave(tmp_path, "gpo")
    text = render(verify("gpo", tmp_path, INSTALLED), "table", 100)
    assert "TOO FEW SEEDS to tell: one run decides nothing, make at least 3.\n" in text
    leave(tmp_path / "other", protocol={"epochs": 1})
    assert render(
        verify("made-up", tmp_path / "other", registry(published())), "table", 100
    ).endswith("made-up: nothing compared; 1 without a published figure. This verifies nothing.")


def test_json_holds_the_same(tmp_path):
    for seed in (0, 1):
        leave(tmp_path, "gpo", "triplet", seed, test={"rsum": 490.0})
    leave(tmp_path, "gpo", protocol={"epochs": 3})
    answer = json.loads(render(verify("gpo", tmp_path, INSTALLED), "json", 100))
    assert (answer["schema"], answer["name"], answer["verdict"], answer["level"]) == (
        2,
        "gpo",
        "not reproduced",
        0.95,
    )
    (compared,), (uncompared,) = answer["compared"], answer["uncompared"]
    assert (compared["pooling"], compared["seeds"], compared["outcome"]) == (
        "gpo",
        [0, 1],
        "not reproduced",
    )
    assert compared["published"]["setting"]["features"] == "BUTD regions"
    assert compared["figures"]["rsum"] == {
        "metric": "rsum",
        "published": 498.1,
        "ours": 490.0,
        "limit": pytest.approx(5.67, abs=0.01),
        "gap": -8.1,
        "within": False,
    }
    assert uncompared["differences"] == [{"what": "epochs", "ours": "3", "published": "25"}]
    assert uncompared["nearest"]["source"].startswith("https://")


def test_an_unknown_format_is_refused(tmp_path):
    leave(tmp_path)
    with pytest.raises(SpecError, match="unknown format 'md': known: json, table"):
        render(verify("made-up", tmp_path, registry(published())), "md", 100)


def test_runs_that_did_not_finish_are_named(tmp_path):
    leave(tmp_path)
    save(tmp_path, make_record(spec(seed=1), status="failed", test={}, error="RuntimeError"))
    text = render(verify("made-up", tmp_path, registry(published())), "table", 100)
    assert "Not finished, so not counted: flickr30k · made-up · triplet · seed 1 (failed)." in text
