"""Whole runs of the annotation task: what they leave, that they learn, and that a kill changes
nothing.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from safetensors.torch import load_file

from tests.lost_lease import writes_no_more_after_an_evaluation
from vsebench.annotation.run import run
from vsebench.grid.plan import plan
from vsebench.grid.suite import make_suite
from vsebench.plugin import VsebenchError
from vsebench.results.checks.contents import write_checkpoint
from vsebench.results.folder.store import Store
from vsebench.results.spec import AnnotationSpec

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from vsebench.results.folder.directory import RunDirectory
    from vsebench.results.record import RunRecord

    Plan = Callable[..., tuple[AnnotationSpec, ...]]


@pytest.fixture
def plan_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Plan:
    """Plans a suite on a small procedural set; `set` adds protocol keys."""
    monkeypatch.setenv("VSEBENCH_CACHE", str(tmp_path / "cache"))

    def plan_suite(**values: object) -> tuple[AnnotationSpec, ...]:
        protocol = {
            "embed_dim": 8,
            "epochs": 3,
            "round_size": 20,
            "lr": 0.05,
            "l2_image": 1e-3,
            "l2_label": 1e-3,
            "evals_per_epoch": 2,
            **values.pop("set", {}),
        }
        suite = make_suite(
            {
                "dataset": "tags:images=150:labels=40:density=0.1",
                "sampler": "uniform",
                "set": protocol,
                **values,
            }
        )
        runs = plan(suite).runs
        assert all(isinstance(spec, AnnotationSpec) for spec in runs)
        return runs  # type: ignore[return-value]

    return plan_suite


def go(
    spec: AnnotationSpec,
    out: Path,
    report: Callable[[dict[str, object]], None] = lambda event: None,
) -> tuple[RunRecord, RunDirectory]:
    directory = Store(out).directory_for(spec)
    directory.write_spec(spec)
    return run(spec, directory, report), directory


def test_a_run_learns_and_leaves_everything_that_a_report_needs(
    plan_runs: Plan, tmp_path: Path
) -> None:
    (spec,) = plan_runs()
    record, directory = go(spec, tmp_path)
    stored_record = directory.read_record()
    assert stored_record is not None
    assert (stored_record.run_id, stored_record.test) == (spec.run_id, record.test)
    assert directory.read_spec() == spec
    curve = directory.read_curve()
    assert [(e.step, e.epoch_end) for e in curve] == [
        (1500, False),
        (3000, True),
        (4500, False),
        (6000, True),
        (7500, False),
        (9000, True),
    ]
    assert curve[-1].loss < curve[0].loss
    assert {"violation_rate", "false_negative_rate", "trials_per_draw"} <= set(curve[0].diagnostics)
    best = max(curve, key=lambda e: e.metrics["map"])
    assert (record.best_step, record.best_dev) == (best.step, best.metrics)
    with np.load(directory.path / "per_image.npz") as stored:
        assert record.test["map"] == pytest.approx(stored["map"].mean())
        assert len(np.unique(stored["image"])) == len(stored["image"])
    assert not directory.checkpoint_path.exists()
    cost = record.cost
    assert cost is not None
    assert cost.samples_seen == record.steps == 9000
    assert cost.train_seconds == pytest.approx(
        cost.sampling_seconds + cost.refresh_seconds + cost.update_seconds
    )
    assert cost.parameters == (150 + 40) * 8
    assert {
        name: tuple(tensor.shape) for name, tensor in load_file(directory.best_path).items()
    } == {"images": (150, 8), "labels": (40, 8)}


class Killed(Exception):  # noqa: N818  # what happened, not a fault
    pass


@pytest.mark.parametrize(
    ("sampler", "engine"),
    [("vse-ens:lam=0.1", "sequential"), ("vse-ens:lam=0.1", "minibatch"), ("warp", "sequential")],
)
def test_a_killed_run_goes_on_to_the_same_record(
    sampler: str, engine: str, plan_runs: Plan, tmp_path: Path
) -> None:
    (spec,) = plan_runs(sampler=sampler, set={"engine": engine, "batch_size": 100})
    whole, whole_directory = go(spec, tmp_path / "whole")
    evaluations = 0

    def kill(event: dict[str, object]) -> None:
        nonlocal evaluations
        evaluations += event["event"] == "evaluated"
        if evaluations == 3:
            raise Killed

    with pytest.raises(Killed):
        go(spec, tmp_path / "killed", kill)
    resumed, directory = go(spec, tmp_path / "killed")
    assert resumed.provenance is not None
    assert resumed.provenance.restarts == 1
    assert (resumed.test, resumed.best_dev, resumed.best_step) == (
        whole.test,
        whole.best_dev,
        whole.best_step,
    )
    assert [(e.step, e.loss, e.metrics) for e in directory.read_curve()] == [
        (e.step, e.loss, e.metrics) for e in whole_directory.read_curve()
    ]


def test_checkpoints_that_take_long_are_rare_and_a_resumed_run_repeats_what_came_after(
    plan_runs: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (spec,) = plan_runs()
    whole, whole_directory = go(spec, tmp_path / "whole")
    evaluations, clock = 0, 0.0
    written: list[int] = []

    def write_slowly(path: Path, content: dict[str, Any]) -> None:
        nonlocal clock
        clock += 1
        written.append(evaluations + 1)
        write_checkpoint(path, content)

    def tell(event: dict[str, object]) -> None:
        nonlocal clock, evaluations
        if event["event"] == "evaluated":
            evaluations += 1
            clock += 9
            if evaluations == 5:
                raise Killed

    folder = "vsebench.results.folder.directory"
    monkeypatch.setattr(f"{folder}.write_checkpoint", write_slowly)
    monkeypatch.setattr(f"{folder}.time", SimpleNamespace(monotonic=lambda: clock))
    with pytest.raises(Killed):
        go(spec, tmp_path / "killed", tell)
    assert written == [1, 4]
    resumed, directory = go(spec, tmp_path / "killed")
    assert (resumed.test, resumed.steps) == (whole.test, whole.steps)
    assert [(e.step, e.metrics) for e in directory.read_curve()] == [
        (e.step, e.metrics) for e in whole_directory.read_curve()
    ]


@pytest.mark.parametrize("content", [b"", b"hello", bytes(500)])
def test_a_damaged_checkpoint_is_set_aside_and_the_run_starts_over(
    content: bytes, plan_runs: Plan, tmp_path: Path
) -> None:
    (spec,) = plan_runs(set={"epochs": 1})
    path = Store(tmp_path).directory_for(spec).checkpoint_path
    path.parent.mkdir()
    path.write_bytes(content)
    assert go(spec, tmp_path)[0].status == "done"
    assert path.with_name("checkpoint.pt.damaged").read_bytes() == content


def test_a_run_that_loses_its_lease_after_an_evaluation_writes_no_more(
    plan_runs: Plan, tmp_path: Path
) -> None:
    (spec,) = plan_runs()
    writes_no_more_after_an_evaluation(run, spec, tmp_path)


def test_a_run_killed_after_its_last_update_is_only_evaluated(
    plan_runs: Plan, tmp_path: Path
) -> None:
    (spec,) = plan_runs()
    whole, _ = go(spec, tmp_path / "whole")

    def kill(event: dict[str, object]) -> None:
        if event == {"event": "phase", "phase": "test"}:
            raise Killed

    with pytest.raises(Killed):
        go(spec, tmp_path / "killed", kill)
    resumed, _ = go(spec, tmp_path / "killed")
    assert (resumed.test, resumed.steps) == (whole.test, whole.steps)
    assert resumed.cost is not None
    assert resumed.cost.train_seconds > 0


def test_the_same_spec_gives_the_same_numbers_and_another_seed_others(
    plan_runs: Plan, tmp_path: Path
) -> None:
    first, second = plan_runs(seeds=[0, 1], set={"epochs": 1})
    once, again, other = (
        go(spec, tmp_path / place)[0] for spec, place in ((first, "a"), (first, "b"), (second, "a"))
    )
    assert once.test == again.test != other.test


def test_a_sampler_of_violators_that_finds_none_goes_on(plan_runs: Plan, tmp_path: Path) -> None:
    """WARP on a set that it has learnt by heart."""
    (spec,) = plan_runs(
        dataset="tags:images=30:labels=40:density=0.1",
        sampler="warp",
        set={"epochs": 40, "round_size": 100, "lr": 0.1, "l2_image": 0, "l2_label": 0},
    )
    record, directory = go(spec, tmp_path)
    assert record.status == "done"
    assert directory.read_curve()[-1].loss == 0


def test_a_map_needs_features(plan_runs: Plan) -> None:
    with pytest.raises(VsebenchError, match="no features to map: use --set image_vectors=free"):
        plan_runs(set={"image_vectors": "linear"})


def test_a_bare_suite_compares_the_samplers_of_the_paper(plan_runs: Plan) -> None:
    suite = make_suite({"dataset": "tags:images=150:labels=40:density=0.1"})
    runs = plan(suite).runs
    assert [run.combination for run in runs] == [
        ("uniform", "hinge"),
        ("warp", "hinge"),
        ("vse-ens", "hinge"),
    ]
    assert {run.protocol.name for run in runs} == {"vse-ens"}
    assert len({run.run_id for run in runs}) == 3
