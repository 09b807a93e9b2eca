"""Trackers: TensorBoard and Weights & Biases, each a plugin of its own, and the names under which
both log values.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vsebench.plugin import CurvePoint, Outcome, RunInfo, TrainingStep


def of_step(step: TrainingStep) -> dict[str, float]:
    """Values of a training step, by name."""
    return {
        "train/loss": step.loss,
        "train/lr": step.lr,
        **({} if step.grad_norm is None else {"train/grad_norm": step.grad_norm}),
    }


def of_point(point: CurvePoint) -> dict[str, float]:
    """Values of a dev evaluation, by name."""
    return {
        "epoch": point.epoch,
        "seconds": point.seconds,
        "train/mean_loss": point.loss,
        **{f"dev/{key}": value for key, value in point.metrics.items()},
        **{f"diagnostics/{key}": value for key, value in point.diagnostics.items()},
    }


def of_outcome(outcome: Outcome) -> dict[str, float]:
    """Test metrics, by name."""
    return {f"test/{key}": value for key, value in {**outcome.test, **outcome.columns}.items()}


def settings(run: RunInfo) -> dict[str, object]:
    """The configuration of a run, as trackers show it."""
    return {
        "run_id": run.run_id,
        "task": run.task,
        "dataset": run.dataset,
        "seed": run.seed,
        "device": run.device,
        **run.components,
        **{f"protocol.{key}": value for key, value in run.protocol.items()},
    }
