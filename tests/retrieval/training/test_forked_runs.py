"""Whole runs: those of forked processes leave what those of new processes leave."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tests.grid.conftest import printed_in
from vsebench.grid import forking
from vsebench.grid.forking import preloading
from vsebench.grid.run import run_suite
from vsebench.grid.suite import make_suite
from vsebench.results.folder.store import Store
from vsebench.results.record import Cost

if TYPE_CHECKING:
    from pathlib import Path

    from vsebench.results.record import RunRecord

pytestmark = pytest.mark.skipif(not forking.AVAILABLE, reason="needs Linux")

SUITE = {
    "dataset": "scenes:images=60",
    "pooling": "gpo",
    "loss": "triplet,aoq:h=20",
    "set": {"embed_dim": "16", "word_dim": "8", "warmup_epochs": "1", "epochs": "2"},
    "device": "cpu",
    "workers": 1,
}

NOT_SHARED: Any = {
    "spec": {"environment"},
    "provenance": {"started", "plugins"},  # each has a plugin file of its own
    "cost": {name for name in Cost.model_fields if name.endswith("_seconds")} | {"peak_memory_mb"},
}
"""Fields of a record that two equal runs do not share."""

PLUGIN = """
import json, os, sys
from pathlib import Path
import numba, numpy as np, torch
from vsebench.plugin import hookimpl

@hookimpl
def vsebench_run_started(run):
    found = {
        "dtype": str(torch.get_default_dtype()),
        "threads": [torch.get_num_threads(), torch.get_num_interop_threads()],
        "numba threads": numba.get_num_threads(),
        "precision": torch.backends.mkldnn.matmul.fp32_precision
        if hasattr(torch.backends.mkldnn, "matmul") else torch.get_float32_matmul_precision(),
        "denormals": (torch.tensor(1e-39) * 1).item(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "gradients": torch.is_grad_enabled(),
        "parent": os.getppid(),
        "files": [name for name in sys.modules if name.startswith("vsebench_file")],
        "printing": np.get_printoptions()["precision"],
        "errors": np.geterr(),
    }
    folder = Path(__file__).parent
    (folder / f"{run.run_id}.json").write_text(json.dumps(found))
    (folder / f"{run.run_id}.drawn").write_text(str(np.random.random()))
    (folder / f"{run.run_id}.torch.drawn").write_text(str(torch.rand(1).item()))

@hookimpl
def vsebench_run_finished(run, outcome):
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(2)
    torch.manual_seed(run.seed + 1)
    torch.set_flush_denormal(True)
    torch.use_deterministic_algorithms(True)
    torch.set_grad_enabled(False)
    numba.set_num_threads(1)
    np.random.seed(0)
    np.seterr(all="raise")
    np.set_printoptions(precision=3)
"""


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    """The output of the same suite, by how the processes of its runs were started, each with the
    plugin beside it.
    """
    monkeypatch.setenv("VSEBENCH_CACHE", str(tmp_path / "cache"))

    def made(name: str) -> Path:
        (tmp_path / name).mkdir()
        plugin = tmp_path / name / f"{name}_plugin.py"
        plugin.write_text(PLUGIN)
        suite = {**SUITE, "out": str(tmp_path / name / "runs"), "plugin": [str(plugin)]}
        assert len(run_suite(make_suite(suite, "test")).run_ids) == 2
        return tmp_path / name

    with preloading():
        found = {"forked": made("forked"), "again": made("again")}
    monkeypatch.setattr(forking, "AVAILABLE", False)
    return {**found, "new": made("new")}


@pytest.mark.slow
def test_forked_runs_leave_what_new_processes_leave(folders: dict[str, Path]) -> None:
    found = {name: left_by(folder / "runs") for name, folder in folders.items()}
    assert len(found["new"]) == 2
    assert found["forked"] == found["again"] == found["new"]

    started = {name: states(folder) for name, folder in folders.items()}
    for name, runs in started.items():
        assert all(run.pop("files") == [f"vsebench_file_{name}_plugin"] for run in runs.values())
    parents = {name: {run.pop("parent") for run in runs.values()} for name, runs in started.items()}
    assert parents["forked"] == parents["again"] != parents["new"] == {os.getpid()}
    assert len(parents["forked"]) == 1
    assert started["forked"] == started["again"] == started["new"]

    drawn = [path.read_text() for folder in folders.values() for path in folder.glob("*.drawn")]
    assert len(set(drawn)) == len(drawn) == 12

    peaks = {
        name: [record.cost.peak_memory_mb for record in Store(folder / "runs").records()]
        for name, folder in folders.items()
    }
    assert peaks["forked"] == pytest.approx(peaks["new"], rel=0.15)


def left_by(out: Path) -> dict[str, dict[str, Any]]:
    """What each run left, by id, but for what the clock, the memory and the plugin's path say."""
    return {record.run_id: left_in(Store(out), record) for record in Store(out).records()}


def left_in(store: Store, record: RunRecord) -> dict[str, Any]:
    directory = store.find(record.run_id)
    assert directory is not None
    return {
        "record": record.model_dump(exclude=NOT_SHARED),
        "curve": [
            point.model_dump(exclude={"seconds", "cpu_seconds"}) for point in directory.read_curve()
        ],
        "ranks": [ranks.tolist() for ranks in directory.read_ranks()],
        "model": directory.best_path.read_bytes(),
        "offline": lists_in(directory.offline_path),
        "files": sorted(path.name for path in directory.path.iterdir()),
        "log": printed_in(directory.log_path),
    }


def lists_in(path: Path) -> dict[str, Any]:
    """The mined negatives, if there are any."""
    if not path.exists():
        return {}
    with np.load(path) as lists:
        return {name: values.tolist() for name, values in lists.items() if "seconds" not in name}


def states(folder: Path) -> dict[str, dict[str, Any]]:
    return {path.stem: json.loads(path.read_text()) for path in folder.glob("*.json")}
