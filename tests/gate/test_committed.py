"""The baselines that are committed are of their suites, and leave no component out."""

from __future__ import annotations

from pathlib import Path

import pytest

from vsebench.gate.baseline import read_baseline, rows_of
from vsebench.gate.sequential import POWER, design_for
from vsebench.grid.plan import plan
from vsebench.grid.suite import load_suite
from vsebench.plugin.host.loader import load_plugins

SUITES = sorted((Path(__file__).parents[2] / "benchmarks" / "gate").glob("*.toml"))
NEEDS_A_SAMPLER = {"triplet-global", "warp-weighted"}


@pytest.mark.parametrize("path", SUITES, ids=lambda path: path.stem)
def test_a_baseline_is_of_its_suite(path: Path) -> None:
    planned = plan(load_suite(path))
    baseline = read_baseline(path.with_suffix(".json"))
    baseline.check(planned, path)
    assert set(baseline.rows) == set(rows_of(planned))


def test_one_judges_by_runs_what_fingerprints_cannot():
    baseline = read_baseline(SUITES[0].parent / "quality.json")
    assert set(baseline.reference) == set(baseline.rows)
    assert all(len(row.values) == 30 for row in baseline.reference.values())
    margin = baseline.margin / max(row.deviation for row in baseline.reference.values())
    design = design_for(30, len(baseline.rows), margin)
    assert design.power(margin, margin) >= POWER
    assert design.runs[-1] * len(baseline.rows) <= 45, "as docs/ci.md says"
    assert margin == pytest.approx(1.45, abs=0.005), "likewise"


def test_every_pooling_loss_and_sampler_is_in_one() -> None:
    suites = {path.stem: load_suite(path) for path in SUITES}
    assert set(suites) == {"poolings", "losses", "samplers", "patterns", "quality"}
    held = {
        *(("pooling", name) for name in suites["poolings"].pooling),
        *(("loss", name) for name in suites["losses"].loss),
        *(("loss", name) for name in suites["samplers"].loss),
        *(("loss", name) for name in suites["patterns"].loss),
        *(("sampler", name) for name in suites["samplers"].sampler),
    }
    ours = {
        (component.kind, component.name)
        for component in load_plugins().registry
        if component.kind in ("pooling", "loss", "sampler")
        and component.origin.distribution == "vsebench"
        and component.name not in NEEDS_A_SAMPLER
    }
    assert ours == held
