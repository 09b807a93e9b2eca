"""`vsebench.run`: from a suite to its results in one call."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING

import vsebench
from tests.factories import make_curve, make_record, make_spec, save
from vsebench import api

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from vsebench.grid.suite import Suite


def test_run_runs_a_suite_file_and_reports_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(tmp_path, make_record(make_spec("gpo")), make_curve([1, 2]))
    save(tmp_path, make_record(make_spec("max")), make_curve([1, 2]))
    (tmp_path / "suite.toml").write_text('pooling = ["gpo"]\nloss = ["triplet"]\n')
    suites: list[Suite] = []

    def run_suite(suite: Suite) -> SimpleNamespace:
        suites.append(suite)
        return SimpleNamespace(out=tmp_path, run_ids=(make_spec("gpo").run_id,))

    monkeypatch.setattr(api, "run_suite", run_suite)
    results = vsebench.run(tmp_path / "suite.toml")
    assert [suite.pooling for suite in suites] == [("gpo",)]
    assert [row["pooling"] for row in results.rows] == ["gpo"]
    assert vsebench.run(suites[0]).rows == results.rows
