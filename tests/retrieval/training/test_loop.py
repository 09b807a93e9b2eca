"""What the loop keeps apart: test from selection, evaluation from the training clock, one epoch's
random numbers from another's.
"""

from __future__ import annotations

import shutil
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from tests.retrieval.conftest import write_split
from vsebench.kernels import clock
from vsebench.plugin import Key
from vsebench.results.folder.store import Store
from vsebench.retrieval.training import loop
from vsebench.retrieval.training.selection import Spread, spread
from vsebench.retrieval.training.step import Stepper
from vsebench.retrieval.training.train import train

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from vsebench.results.folder.directory import RunDirectory
    from vsebench.results.record import RunRecord
    from vsebench.results.spec import RunSpec

    Plan = Callable[..., tuple[RunSpec, ...]]

SMALL = {"batch_size": 100, "epochs": 2, "evals_per_epoch": 3, "select_at": "evaluation"}


def run(spec: RunSpec, out: Path) -> tuple[RunRecord, RunDirectory]:
    directory = Store(out).directory_for(spec)
    directory.write_spec(spec)
    return train(spec, directory, lambda event: None), directory


def test_the_test_split_has_no_say_in_training_or_selection(
    plan_runs: Plan, tiny_root: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    shutil.copytree(tiny_root, other)
    write_split(other / "precomp", "test", 25, np.random.default_rng(99))
    specs = [plan_runs(data_root=str(root), set=SMALL)[0] for root in (tiny_root, other)]
    assert specs[0].data_fingerprint != specs[1].data_fingerprint
    (one, its_curve), (two, other_curve) = [
        (record, directory.read_curve())
        for record, directory in (run(spec, tmp_path / "out") for spec in specs)
    ]
    assert [e.model_dump(exclude={"seconds", "cpu_seconds"}) for e in its_curve] == [
        e.model_dump(exclude={"seconds", "cpu_seconds"}) for e in other_curve
    ]
    assert (one.best_step, one.best_dev) == (two.best_step, two.best_dev)
    assert one.test != two.test
    assert one.best_dev == next(e.metrics for e in its_curve if e.step == one.best_step)


def test_the_training_clock_stands_still_during_evaluation(
    plan_runs: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A step takes a second, an evaluation a thousand."""
    now = [0.0]

    def taking(seconds: float, function: Callable[..., Any]) -> Callable[..., Any]:
        def slow(*arguments: Any) -> Any:
            now[0] += seconds
            return function(*arguments)

        return slow

    clocks = SimpleNamespace(perf_counter=lambda: now[0], process_time=lambda: now[0] / 2)
    monkeypatch.setattr(clock, "time", clocks)
    monkeypatch.setattr(Stepper, "step", taking(1, Stepper.step))
    monkeypatch.setattr(loop, "judge", taking(1000, loop.judge))
    (spec,) = plan_runs(set=SMALL)
    record, directory = run(spec, tmp_path)
    assert [e.seconds for e in directory.read_curve()] == [2, 4, 6, 8, 10, 12]
    cost = record.cost
    assert cost is not None
    assert (cost.train_seconds, cost.evaluation_seconds, cost.total_seconds) == (12, 6000, 12)
    assert (cost.train_cpu_seconds, cost.total_cpu_seconds) == (6, 6)
    assert [e.cpu_seconds for e in directory.read_curve()] == [1, 2, 3, 4, 5, 6]


SCORES = (  # i2t and t2i, R@1, R@5 and R@10, of each evaluation
    (50, 60, 70, 50, 60, 70),  # R@1 + R@5: 220, RSUM: 360
    (10, 90, 95, 10, 90, 95),  # 200, 390
    (55, 60, 60, 50, 60, 60),  # 225, 345
    (55, 60, 99, 50, 60, 99),  # 225 again, 423
    (40, 60, 80, 40, 60, 80),  # 200, 360
    (40, 60, 90, 50, 60, 90),  # 210, 390
)


@pytest.mark.parametrize("killed", [False, True], ids=["whole", "resumed"])
@pytest.mark.parametrize(
    ("select_by", "select_at", "best"),
    [
        ("rsum", "evaluation", 4),
        ("rsum", "epoch", 6),
        ("rsum", "last", 6),
        ("r1+r5", "evaluation", 3),
        ("r1+r5", "epoch", 3),
        ("r1+r5", "last", 6),
    ],
)
def test_the_first_model_that_is_best_by_the_criterion_is_kept(
    plan_runs: Plan,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    select_by: str,
    select_at: str,
    best: int,
    killed: bool,
) -> None:
    names = [f"{direction}_r{k}" for direction in ("i2t", "t2i") for k in (1, 5, 10)]
    evaluations = [
        {**dict(zip(names, map(float, row), strict=True)), "rsum": float(sum(row))}
        for row in SCORES
    ]
    seen: list[dict[str, float]] = []

    apart = spread(torch.eye(2, 24), torch.eye(2, 24), torch.arange(2))

    def evaluate(*_: Any) -> tuple[Any, Spread]:
        scores = evaluations[len(seen)]
        seen.append(scores)
        return SimpleNamespace(as_dict=lambda: scores), apart

    def kill(event: dict[str, object]) -> None:
        if killed and event["event"] == "evaluated" and event["step"] == 4:
            raise KeyboardInterrupt

    monkeypatch.setattr(loop, "judge", evaluate)
    (spec,) = plan_runs(
        set={
            "batch_size": 250,
            "last_batch": "keep",
            "epochs": 2,
            "evals_per_epoch": 1,
            "eval_every_steps": 1,
            "select_by": select_by,
            "select_at": select_at,
        }
    )
    directory = Store(tmp_path).directory_for(spec)
    directory.write_spec(spec)
    if killed:
        with pytest.raises(KeyboardInterrupt):
            train(spec, directory, kill)
        del seen[3:]  # the epoch is trained again
    record = train(spec, directory, lambda event: None)
    assert [e.step for e in directory.read_curve() if e.epoch_end] == [3, 6]
    assert (record.best_step, record.best_dev) == (best, evaluations[best - 1])


NOISY = """
import torch
from vsebench.plugin import LossCard, LossOutput, hookimpl


class Noisy:
    '''Draws a number from torch's generator at each step, as dropout does.'''

    def __call__(self, inputs):
        return LossOutput((inputs.image - inputs.text).square().sum(), {"noise": torch.rand(())})


@hookimpl
def vsebench_register_losses(register):
    register("noisy", __name__ + ":Noisy", card=LossCard("noisy"))
"""


def test_every_epoch_has_random_numbers_of_its_own_for_dropout(
    plan_runs: Plan, tmp_path: Path
) -> None:
    plugin = tmp_path / "noisy.py"
    plugin.write_text(NOISY, encoding="utf-8")
    (spec,) = plan_runs(
        loss="noisy",
        plugin=[str(plugin)],
        seeds=[5],
        set={**SMALL, "warmup_epochs": 0, "evals_per_epoch": 6},
    )
    _, directory = run(spec, tmp_path / "out")
    expected = []
    for epoch in range(2):
        generator = torch.Generator().manual_seed((Key(5) / "dropout" / epoch).seed())
        expected += [torch.rand((), generator=generator).item() for _ in range(6)]
    assert [e.diagnostics["noise"] for e in directory.read_curve()] == pytest.approx(expected)
