"""Committed tables are what their committed records give."""

from __future__ import annotations

from pathlib import Path

import pytest

from vsebench.report.results import load_results

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize(("runs", "document"), [("results/flickr8k/runs", "README.md"), ("results/flickr8k/runs", "results/flickr8k/README.md")])
def test_a_table_in_a_document_is_remade_from_its_records(runs: str, document: str) -> None:
    table = load_results(ROOT / runs).table().rstrip()
    assert f"```text\n{table}\n```" in (ROOT / document).read_text(encoding="utf-8")
