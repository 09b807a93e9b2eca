"""Whole runs of the pattern task: what they leave, that they learn what the paper's test says, and
that a kill changes nothing.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.lost_lease import writes_no_more_after_an_evaluation
from vsebench.grid.plan import plan
from vsebench.grid.suite import make_suite
from vsebench.patterns.run import run
from vsebench.plugin import VsebenchError
from vsebench.results.checks.audit import audit
from vsebench.results.folder.store import Store
from vsebench.results.record import DivergenceError

if TYPE_CHECKING:
    from collections.abc import Callable

    from vsebench.patterns.spec import PatternsSpec
    from vsebench.results.folder.directory import RunDirectory
    from vsebench.results.record import RunRecord

TINY = {"batch_size": 16, "epochs": 4, "steps_per_epoch": 10, "lr": 0.03}


def planned(pattern: str = "max-1", **values: object) -> tuple[PatternsSpec, ...]:
    suite = {
        "dataset": f"patterns:pattern={pattern}:dim=4:sets=50",
        "set": TINY,
        "device": "cpu",
        **values,
    }
    return plan(make_suite(suite)).runs  # type: ignore[return-value]


def go(
    spec: PatternsSpec,
    out: Path,
    report: Callable[[dict[str, object]], None] = lambda event: None,
) -> tuple[RunRecord, RunDirectory]:
    directory = Store(out).directory_for(spec)
    directory.write_spec(spec)
    return run(spec, directory, report), directory


def test_a_run_learns_and_leaves_everything_that_a_report_needs(tmp_path: Path) -> None:
    (spec,) = planned(pooling="gpo")
    record, directory = go(spec, tmp_path)
    stored = directory.read_record()
    assert stored is not None
    assert (stored.run_id, stored.test) == (spec.run_id, record.test)
    assert directory.read_spec() == spec
    curve = directory.read_curve()
    assert [(e.step, e.epoch, e.epoch_end) for e in curve] == [
        (10 * n, n, True) for n in range(1, 5)
    ]
    assert curve[0].lr > curve[-1].lr > 0
    assert curve[-1].loss < curve[0].loss
    assert record.test["explained"] > 75
    assert (record.best_step, record.best_dev) == (40, curve[-1].metrics)
    assert not directory.checkpoint_path.exists()
    assert record.cost is not None
    assert record.cost.samples_seen == 40 * 16
    assert record.cost.parameters > 0


def test_a_fixed_pooling_takes_no_step_and_is_the_same_for_every_seed(tmp_path: Path) -> None:
    records = [go(spec, tmp_path)[0] for spec in planned(pooling="kmax:k=10", seeds="0-1")]
    assert [record.steps for record in records] == [0, 0]
    assert records[0].test == records[1].test
    assert records[0].test["explained"] < 0
    assert audit(tmp_path).findings == ()  # one is no copy of the other


class Killed(Exception):  # noqa: N818  # what happened, not a fault
    pass


def test_a_killed_run_goes_on_to_the_same_record(tmp_path: Path) -> None:
    (spec,) = planned(pooling="gpo")
    whole, whole_directory = go(spec, tmp_path / "whole")

    def kill(event: dict[str, object]) -> None:
        if event.get("step") == 20:
            raise Killed

    with pytest.raises(Killed):
        go(spec, tmp_path / "killed", kill)
    resumed, directory = go(spec, tmp_path / "killed")
    assert resumed.provenance is not None
    assert resumed.provenance.restarts == 1
    assert (resumed.test, resumed.best_dev) == (whole.test, whole.best_dev)
    assert [(e.step, e.loss, e.lr, e.metrics) for e in directory.read_curve()] == [
        (e.step, e.loss, e.lr, e.metrics) for e in whole_directory.read_curve()
    ]


def test_a_run_that_lost_its_lease_writes_nothing_more(tmp_path: Path) -> None:
    (spec,) = planned(pooling="gem")
    writes_no_more_after_an_evaluation(run, spec, tmp_path)


def test_a_stopping_rule_ends_a_run_and_the_headline_is_what_it_waits_for(tmp_path: Path) -> None:
    (spec,) = planned(pooling="gem", set={**TINY, "stop": "patience:epochs=0"})
    assert go(spec, tmp_path)[0].steps == 10


def test_training_that_diverges_says_so(tmp_path: Path) -> None:
    (spec,) = planned(pooling="fspool", set={**TINY, "lr": 1e30})
    with pytest.raises(DivergenceError, match="lower lr"):
        go(spec, tmp_path)


PLUGIN = """
import torch
from vsebench.plugin import Card, PatternsTest, SetEmbedding, hookimpl

class Nan(torch.nn.Module):
    def forward(self, features, lengths):
        return features[:, 0] * torch.nan

class Many(torch.nn.Module):
    def forward(self, features, lengths):
        return SetEmbedding(features, torch.ones(features.shape[:2], dtype=torch.bool))

class Noisy(torch.nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.gain = torch.nn.Parameter(torch.ones(dim))

    def forward(self, features, lengths):
        pooled = self.gain * features.sum(dim=1) / lengths[:, None]
        return torch.nn.functional.dropout(pooled, 0.5, self.training)

@hookimpl
def vsebench_register_poolings(register):
    for each in (Nan, Many, Noisy):
        name = each.__name__.lower()
        register(name, f"{__name__}:{each.__name__}", card=Card(name))

@hookimpl
def vsebench_stepped(run, steps):
    with (run.directory / "steps.txt").open("a") as file:
        file.writelines(f"{step.step}\\n" for step in steps)

@hookimpl
def vsebench_tested(run, test):
    assert isinstance(test, PatternsTest) and run.components["pooling"]
    assert test.found.shape == test.target.shape == (len(test.lengths), 4)
    return {"worst": float((test.found - test.target).abs().max())}
"""


@pytest.fixture
def plugin(tmp_path: Path) -> str:
    path = tmp_path / "plugin.py"
    path.write_text(PLUGIN, encoding="utf-8")
    return str(path)


@pytest.mark.parametrize(
    ("pooling", "says"),
    [("nan", "pooling 'nan' returns values that are not"), ("many", "poolings that return one")],
)
def test_a_pooling_that_cannot_be_tested_fails_with_one_line(
    pooling: str, says: str, plugin: str, tmp_path: Path
) -> None:
    (spec,) = planned(pooling=pooling, plugin=plugin)
    with pytest.raises(VsebenchError, match=says):
        go(spec, tmp_path / "runs")


def test_plugins_watch_and_dropout_is_the_seeds(plugin: str, tmp_path: Path) -> None:
    (spec,) = planned(pooling="noisy", plugin=plugin)
    (one, directory), (two, _) = go(spec, tmp_path / "a"), go(spec, tmp_path / "b")
    assert one.test == two.test
    assert one.columns["worst"].value > 0
    assert (directory.path / "steps.txt").read_text().split() == [str(n) for n in range(1, 41)]


FIRST = json.loads((Path(__file__).parent / "first_trials.json").read_text(encoding="utf-8"))
"""Errors that the first implementation of this test had, a script of its own: by pooling, pattern
and seed.
"""


@pytest.mark.parametrize("row", FIRST, ids=lambda row: f"{row['pooling']}-{row['pattern']}")
def test_runs_have_the_figures_of_the_first_implementation(
    row: dict[str, object], tmp_path: Path
) -> None:
    (spec,) = planned(
        dataset=f"patterns:pattern={row['pattern']}",
        pooling=row["pooling"],
        seeds=[row["seed"]],
        set={},
    )
    record, _ = go(spec, tmp_path)
    found = record.test["rmse"], record.test["rmse_unseen"]
    assert found == pytest.approx((row["seen"], row["unseen"]), rel=1e-3)
