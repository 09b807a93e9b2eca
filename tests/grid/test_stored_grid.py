"""Suites give the runs that they gave before: else people's finished runs would be made again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.grid.stored_grid import FILES, GRIDS, as_stored, planned, stored
from vsebench.results.spec import read_spec

if TYPE_CHECKING:
    from pathlib import Path

STORED = stored()


def test_every_grid_is_stored() -> None:
    assert list(STORED) == [*GRIDS, *FILES]


@pytest.mark.parametrize("name", [*GRIDS, *FILES])
def test_a_suite_has_the_runs_that_it_had(name: str, tmp_path: Path) -> None:
    found, before = planned(name, tmp_path), STORED[name]
    assert [run.run_id for run in found.runs] == before["ids"]
    assert sorted(found.support) == before["support"]
    by_id = {run.run_id: run for run in found.runs}
    for spec in before["specs"]:
        old = read_spec(json.dumps(spec))
        now = as_stored(by_id[old.run_id])
        assert list(now) == list(spec)
        assert now | {"protocol": _known(now["protocol"], spec["protocol"])} == spec
        assert as_stored(old) == now  # keys that are new are at their defaults


def _known(now: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    """Those keys of a protocol that it had before."""
    return {key: now[key] for key in before}


def test_the_grids_have_what_runs_differ_in() -> None:
    specs = [spec for name in GRIDS for spec in STORED[name]["specs"]]
    assert {spec["task"] for spec in specs} == {"retrieval", "annotation", "patterns"}
    assert any(spec["stop"] for spec in specs)
    assert any(spec["depends_on"] for spec in specs)
    assert any(spec.get("tuned") for spec in specs)
    assert any(spec["task"] == "retrieval" and spec["sampler"] for spec in specs)
    assert any("::" in spec["image_pooling"]["name"] for spec in specs if "image_pooling" in spec)
