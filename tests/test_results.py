"""Committed tables are what their committed records give."""

from __future__ import annotations

from pathlib import Path

import pytest

from vsebench.cli.compare import compare_command
from vsebench.cli.speedup import speedup_command
from vsebench.report.results import load_results

ROOT = Path(__file__).parent.parent


FLICKR8K = "results/flickr8k"
TABLES = [
    (f"{FLICKR8K}/headline", "README.md"),
    *(
        (f"{FLICKR8K}/{name}", f"{FLICKR8K}/README.md")
        for name in ("poolings", "losses", "aoq", "equal-compute", "text-encoders", "grids")
    ),
]


@pytest.mark.parametrize(("runs", "document"), TABLES)
def test_a_table_in_a_document_is_remade_from_its_records(runs: str, document: str) -> None:
    table = load_results(ROOT / runs, allow_mixed="text-encoders" in runs).table().rstrip()
    assert f"```text\n{table}\n```" in (ROOT / document).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["poolings", "losses"])
def test_a_comparison_is_remade_from_its_records(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    compare_command(ROOT / FLICKR8K / name, "gpo,triplet", None, "table")
    assert f"```text\n{capsys.readouterr().out.rstrip()}\n```" in (
        ROOT / FLICKR8K / "README.md"
    ).read_text(encoding="utf-8")


ANNOTATION = ["mirflickr", "flickr8k-words", "nuswide81"]


@pytest.mark.parametrize("name", ANNOTATION)
def test_a_table_of_samplers_is_remade_from_its_records(name: str) -> None:
    table = load_results(ROOT / "results" / name).table().rstrip()
    assert f"```text\n{table}\n```" in (ROOT / "results" / name / "README.md").read_text(
        encoding="utf-8"
    )


@pytest.mark.parametrize(
    ("name", "baselines"),
    [
        *((name, ["warp,hinge", "uniform,hinge", "uniform,logistic"]) for name in ANNOTATION),
        ("warp-cap", ["warp,hinge"]),
    ],
)
def test_speed_ups_are_remade_from_their_records(
    name: str, baselines: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    speedup_command(ROOT / "results" / name, baselines, allow_mixed=len(baselines) == 1)
    assert f"```text\n{capsys.readouterr().out.rstrip()}\n```" in (
        ROOT / "results" / name / "README.md"
    ).read_text(encoding="utf-8")
