from __future__ import annotations

import pytest

from tests.factories import make_curve, make_provenance, make_record, make_spec, save
from vsebench.report.results import load_results
from vsebench.results.folder.store import Store

GRID = [
    (pooling, loss, seed)
    for pooling in ("gpo", "maxavg")
    for loss in ("triplet", "aoq")
    for seed in (0, 1, 2)
]


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """The main job on one data set with three seeds; one AOQ run failed, and AOQ's first rounds are
    rows of their own.
    """
    out = tmp_path_factory.mktemp("runs")
    for n, (pooling, loss, seed) in enumerate(GRID):
        spec = make_spec(pooling, loss, seed, dataset="scenes:images=1000")
        best = 310 + 10 * (pooling == "gpo") + 5 * (loss == "aoq") + seed
        cost = {"prior_seconds": 41.0, "mining_seconds": 3.5} if loss == "aoq" else {}
        provenance = make_provenance(started=f"2026-11-21T10:{n:02d}:00Z")
        if (pooling, loss, seed) == ("maxavg", "aoq", 1):
            save(
                out,
                make_record(
                    spec,
                    status="failed",
                    test={},
                    cost=None,
                    provenance=None,
                    error="Traceback\nRuntimeError: diverged",
                ),
            )
        else:
            curve = make_curve([best * (1 - 0.6 * 0.6**i) for i in range(1, 17)])
            save(
                out,
                make_record(
                    spec,
                    rsum=best,
                    cost=cost,
                    provenance=provenance,
                    warnings=("999 images were dropped",),
                ),
                curve,
            )
    Store(out).note_plan(make_spec(*point, dataset="scenes:images=1000").run_id for point in GRID)
    return out


@pytest.fixture(scope="module")
def results(folder):
    return load_results(folder)
