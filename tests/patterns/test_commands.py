"""Commands that show the task."""

from __future__ import annotations

import re
from contextlib import nullcontext
from typing import TYPE_CHECKING

import pytest

from tests.patterns.test_run import go, planned
from vsebench.cli.app import main
from vsebench.gate.fingerprint import take
from vsebench.grid.plan import plan
from vsebench.grid.suite import make_suite
from vsebench.report.results import load_results

if TYPE_CHECKING:
    from pathlib import Path


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as caught:
        main(list(arguments))
    assert caught.value.code == 0
    return capsys.readouterr().out


def test_the_data_set_is_checked_and_says_what_a_constant_scores(
    capsys: pytest.CaptureFixture[str],
) -> None:
    shown = said(capsys, "data", "check", "patterns:pattern=max-10")
    assert re.search(r"^test, seen +1000 +16 +20 +100 +0\.3310$", shown, re.MULTILINE)
    assert re.search(r"^test, unseen +1000 +16 +10 +120 +0\.7015$", shown, re.MULTILINE)


def test_the_preset_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    shown = said(capsys, "show", "vse-infinity-patterns")
    assert "steps_per_epoch" in shown


def test_a_table_has_the_errors_beside_the_headline(tmp_path: Path) -> None:
    for spec in planned("max-10", pooling="kmax:k=10,gem", seeds="0-1"):
        go(spec, tmp_path)
    results = load_results(tmp_path)
    rows = {row["pooling"]: row for row in results.rows}
    kmax, gem = rows["kmax:k=10"], rows["gem"]
    assert (kmax["task"], kmax["loss"]) == ("patterns", "mse")
    assert kmax["rmse"] == pytest.approx(0, abs=1e-6)
    assert kmax["explained"] == pytest.approx(100)
    assert 0 < gem["rmse"] < gem["rmse_unseen"]
    text = results.table()
    assert "explained" in text
    assert "negative where a constant is better" in " ".join(text.split())


def test_a_gate_can_take_its_fingerprint() -> None:
    suite = make_suite({"dataset": "patterns", "pooling": "mean,gem", "device": "cpu"})
    first, again = (take(suite, plan(suite), lambda probe: nullcontext()) for _ in range(2))
    assert first.rows == again.rows
    assert {row: len(trace.steps.split()) for row, trace in first.rows.items()} == {
        "mean,mse": 1,
        "gem,mse": 4,
    }
