"""What an audit of a folder finds, and that it finds nothing where nothing is wrong."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from tests.factories import make_annotation_spec, make_curve, make_record, make_spec
from vsebench.cli.app import main
from vsebench.plugin import VsebenchError
from vsebench.results.checks.audit import audit
from vsebench.results.folder.store import RunDirectory, Store
from vsebench.results.packs.packing import pack, remove_packed
from vsebench.results.spec import read_spec
from vsebench.retrieval.ranking.metrics import Ranks, RetrievalMetrics

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SPECS = [make_spec("gpo", seed=seed) for seed in (0, 1)]


def finish(out: Path, seed: int) -> RunDirectory:
    """A run whose figures follow from its files."""
    spec, rng = SPECS[seed], np.random.default_rng(seed)
    directory = Store(out).directory_for(spec)
    directory.write_spec(spec)
    ranks = Ranks(rng.integers(0, 30, 20), rng.integers(0, 30, 100))
    curve = make_curve([100 + seed, 200])
    for point in curve:
        directory.append_evaluation(point)
    directory.write_ranks(*ranks, np.arange(100) // 5)
    directory.write_best({"weight": torch.rand(3)})
    test = RetrievalMetrics.from_ranks(ranks).as_dict()
    best = {"best_dev": curve[1].metrics, "best_step": 20, "steps": 20}
    directory.write_record(make_record(spec, test=test, **best))
    return directory


@pytest.fixture
def out(tmp_path: Path) -> Path:
    for seed in (0, 1):
        finish(tmp_path, seed)
    return tmp_path


@pytest.fixture
def run(out: Path) -> RunDirectory:
    return Store(out).directory_for(SPECS[0])


def edit(run: RunDirectory, change: Callable[[dict[str, Any]], object]) -> None:
    """Changes a record as somebody would who takes the marker's checksums away."""
    path = run.path / "record.json"
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
    (run.path / "done").write_bytes(b"")


def test_nothing_is_found_where_nothing_is_wrong(out: Path) -> None:
    spec = make_annotation_spec()
    directory = Store(out).directory_for(spec)
    directory.write_spec(spec)
    directory.write_per_image({"image": np.arange(4), "map": np.array([0.5, 0.25, 1, 0])})
    directory.write_record(make_record(spec, test={"map": 0.4375}, best_dev={}, best_step=None))
    failed = make_spec("max")
    Store(out).directory_for(failed).write_spec(failed)
    Store(out).directory_for(failed).write_record(make_record(failed, status="failed", error="no"))
    found = audit(out)
    assert (found.runs, found.sealed, found.retested, found.findings) == (4, 3, 3, ())
    pack(out)
    remove_packed(out, out)
    found = audit(out)
    assert (found.runs, found.sealed, found.retested, found.findings) == (4, 3, 3, ())


def test_a_sum_that_is_none(out: Path, run: RunDirectory) -> None:
    edit(run, lambda record: record["test"].update(rsum=91.0))
    finding, other = audit(out).findings
    assert (finding.run, finding.file) == (run.path.name, "record.json")
    assert finding.why.startswith("test RSUM is 91.0, the sum of the six is ")
    assert (other.run, other.file) == (run.path.name, "ranks.npz")


def test_a_recall_that_does_not_follow_from_the_ranks(out: Path, run: RunDirectory) -> None:
    def shift(record: dict[str, Any]) -> None:
        record["test"]["i2t_r1"] += 5
        record["test"]["i2t_r5"] -= 5

    edit(run, shift)
    (finding,) = audit(out).findings
    assert finding.file == "ranks.npz"
    assert finding.why.startswith("it gives a test i2t_r1 of ")


def test_a_best_evaluation_that_the_curve_has_not(out: Path, run: RunDirectory) -> None:
    edit(run, lambda record: record.update(best_step=10))
    (finding,) = audit(out).findings
    assert finding.why == "its metrics at step 10 are not those of the record's best"


def test_a_copy_with_another_seed_and_an_id_that_fits(out: Path, run: RunDirectory) -> None:
    content = json.loads((run.path / "record.json").read_text())
    content["spec"]["seed"] = 7
    spec = read_spec(json.dumps(content["spec"]))
    copy = Store(out).directory_for(spec)
    copy.path.mkdir()
    for name in ("curve.jsonl", "ranks.npz"):
        (copy.path / name).write_bytes((run.path / name).read_bytes())
    (copy.path / "record.json").write_text(json.dumps(content | {"run_id": spec.run_id}))
    (copy.path / "done").touch()
    (finding,) = audit(out).findings
    assert {finding.run} <= {copy.path.name, run.path.name}
    assert finding.why.startswith("a copy of ")


@pytest.mark.parametrize("name", ["record.json", "curve.jsonl", "ranks.npz", "best.safetensors"])
def test_a_bit_that_was_flipped(
    out: Path, run: RunDirectory, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = run.path / name
    content = bytearray(path.read_bytes())
    content[random.Random(name).randrange(len(content) // 4, len(content) // 2)] ^= 4
    path.write_bytes(content)
    assert {(f.run, f.file) for f in audit(out).findings} == {(run.path.name, name)}
    with pytest.raises(SystemExit) as ended:
        main(["audit", str(out)])
    assert ended.value.code == 3
    *lines, last = capsys.readouterr().out.splitlines()
    assert all(line.startswith(f"{run.path.name}/{name}: ") for line in lines)
    assert last.startswith("2 runs, 1 with findings; ")


def test_a_damaged_checkpoint_of_a_run_that_has_not_ended(out: Path) -> None:
    spec = make_spec("max")
    directory = Store(out).directory_for(spec)
    directory.write_spec(spec)
    directory.write_checkpoint({"step": 1, "weight": torch.rand(99)})
    assert audit(out).findings == ()
    path = directory.checkpoint_path
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    (finding,) = audit(out).findings
    assert (finding.run, finding.file) == (directory.path.name, "checkpoint.pt")


def test_a_folder_without_runs(tmp_path: Path) -> None:
    with pytest.raises(VsebenchError, match="holds no runs: give the folder"):
        audit(tmp_path)
