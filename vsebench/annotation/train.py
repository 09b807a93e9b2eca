"""Trains one label-ranking run, from arrays and settings, evaluation by evaluation."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from vsebench.annotation.engine import TALLIED, Context, Engine, Refreshes, probe
from vsebench.annotation.minibatch import MiniBatch
from vsebench.annotation.model import Model
from vsebench.annotation.sequential import Sequential
from vsebench.kernels.clock import Clock, on_cpu
from vsebench.plugin import Key
from vsebench.results.record import DivergenceError

if TYPE_CHECKING:
    from vsebench.annotation.model import Settings, TrainingData
    from vsebench.plugin import RankingLoss, Sampler

Evaluate = Callable[[Model], Mapping[str, float]]
Checkpoint = dict[str, Any]
"""Written by `torch.save` and read by `torch.load(…, weights_only=True)`."""

TRAINING = ("sampling", "refresh", "update")
PHASES = (*TRAINING, "evaluation")
"""Phases of a run."""

_LARGEST = 1e15  # of a model's numbers


@dataclass(frozen=True, eq=False)
class Point:
    """One evaluation.

    Attributes:
        updates: done so far.
        seconds: seconds by phase, since the start. `sampling` and `update` of the sequential
            engine, where both are one loop, are told apart by the cost of a draw in a sample of
            draws at each evaluation.
        loss: mean per update that found a negative, since the last evaluation; NaN where none did.
        metrics: metrics of the evaluation.
        diagnostics: means since the last evaluation, per update that found a negative:
            `violation_rate` within the margin and, over all, `trials_per_draw`, `skipped` (the
            image has every label) and `exhausted` (the sampler gave up) as shares;
            `false_negative_rate`, of a sample of draws, where held-out labels are known.
        model: the current model, which further training changes.
        checkpoint: function that copies what `train` needs to resume here, to be called before the
            next point is requested.
    """

    updates: int
    seconds: Mapping[str, float]
    loss: float
    metrics: Mapping[str, float]
    diagnostics: Mapping[str, float]
    model: Model
    checkpoint: Callable[[], Checkpoint]

    @property
    def train_seconds(self) -> float:
        """The method's whole price so far: everything but evaluation."""
        return sum(self.seconds[phase] for phase in TRAINING)

    @property
    def train_cpu_seconds(self) -> float | None:
        """The same in CPU seconds; None on CUDA."""
        return cpu_seconds(self.seconds)


def cpu_seconds(seconds: Mapping[str, float]) -> float | None:
    """The CPU seconds of training, of a clock's seconds; None of those of a device's or an older
    checkpoint's.
    """
    if on_cpu(TRAINING[0]) not in seconds:
        return None
    return sum(seconds[on_cpu(phase)] for phase in TRAINING)


@dataclass(frozen=True, eq=False)
class Recipe:
    """What fixes a run.

    Attributes:
        data: the training split.
        settings: training settings.
        sampler: draws the negatives; training changes it.
        loss: loss of the scores.
        seed: seed of the initial vectors, the pairs and the draws.
        device: device of the model; the sequential engine wants the CPU.
    """

    data: TrainingData
    settings: Settings
    sampler: Sampler
    loss: RankingLoss
    seed: int
    device: str | torch.device = "cpu"


def train(
    recipe: Recipe,
    evaluate: Evaluate,
    *,
    resume: Checkpoint | None = None,
    told: Callable[[list[tuple[int, float]]], None] | None = None,
) -> Iterator[Point]:
    """Trains a run and yields its evaluations, the last at the end.

    A run that is resumed from a checkpoint gives what the uninterrupted one would have given; runs
    of one seed see the same pairs in the same order, whatever their sampler and loss.

    Args:
        recipe: what fixes the run.
        evaluate: metrics of a model; its time is charged to `evaluation`.
        resume: a checkpoint of a run of the same recipe.
        told: receives updates done and mean loss of each step, before each evaluation; a step is a
            batch, or 1,024 updates of the sequential engine.

    Raises:
        SpecError: the sequential engine cannot serve the device, the sampler or the loss.
        DivergenceError: the loss is no longer finite, or the model is near overflow.
    """
    device, key, settings = torch.device(recipe.device), Key(recipe.seed), recipe.settings
    model = Model.initial(recipe.data, settings, key / "init", device)
    clock = Clock(device, PHASES)
    context = Context(recipe.data, settings, model, recipe.sampler, recipe.loss, key, clock)
    if told is not None:
        context.steps = []
    refreshes = Refreshes(context)
    engine: Engine = (
        Sequential(context, refreshes)
        if settings.engine == "sequential"
        else MiniBatch(context, refreshes)
    )
    updates = 0 if resume is None else _restore(resume, context, refreshes, engine)
    engine.prepare(updates)
    while updates < settings.updates:
        target = min(
            (updates // settings.evaluate_every + 1) * settings.evaluate_every, settings.updates
        )
        updates = engine.advance(updates, target)
        if told is not None:
            told(context.read_steps())
        yield _point(context, refreshes, engine, updates, evaluate)


def _point(
    context: Context, refreshes: Refreshes, engine: Engine, updates: int, evaluate: Evaluate
) -> Point:
    tally = dict(zip(TALLIED, engine.tally.tolist(), strict=True))
    engine.tally.zero_()
    found = tally["updates"] - tally["skipped"] - tally["exhausted"]
    loss = tally["loss"] / found if found else math.nan
    if found and not (math.isfinite(loss) and _bounded(context.model)):
        raise DivergenceError(
            f"training diverged before update {updates:,} of {context.settings.updates:,} (loss "
            f"{loss:.3g}); lower lr"
        )
    sample = probe(context, updates)
    if context.settings.engine == "sequential":
        context.clock.move(sample.seconds * tally["updates"], "update", "sampling")
    with context.clock.measure("evaluation"):
        metrics = evaluate(context.model)
    rates = {"violation_rate": tally["violations"] / found} if found else {}
    rates |= {
        name: tally[count] / tally["updates"]
        for name, count in (
            ("trials_per_draw", "trials"),
            ("skipped", "skipped"),
            ("exhausted", "exhausted"),
        )
    }
    if sample.false_negatives is not None:
        rates["false_negative_rate"] = sample.false_negatives
    seconds = context.clock.read()
    return Point(
        updates,
        seconds,
        loss,
        metrics,
        rates,
        context.model,
        lambda: _checkpoint(context, refreshes, engine, updates, seconds),
    )


def _bounded(model: Model) -> bool:
    """Whether scores of the model can be ranked: its numbers are finite and far from overflow.
    Diverging vectors grow large before any loss does.
    """
    return all(bool(tensor.abs().max() < _LARGEST) for tensor in (model.images, model.labels))


def _checkpoint(
    context: Context,
    refreshes: Refreshes,
    engine: Engine,
    updates: int,
    seconds: Mapping[str, float],
) -> Checkpoint:
    sampler = context.sampler.state_dict() if hasattr(context.sampler, "state_dict") else {}
    tensors = {"images": context.model.images, "labels": context.model.labels}
    parts = {"model": tensors, "engine": engine.state_dict(), "sampler": sampler}
    copies = {
        part: {name: tensor.detach().cpu().clone() for name, tensor in content.items()}
        for part, content in parts.items()
    }
    return {**copies, "updates": updates, "refreshes": refreshes.done, "seconds": dict(seconds)}


def _restore(checkpoint: Checkpoint, context: Context, refreshes: Refreshes, engine: Engine) -> int:
    """Puts a run back as it was and returns the updates done."""
    context.model.images.copy_(checkpoint["model"]["images"])
    context.model.labels.copy_(checkpoint["model"]["labels"])
    engine.load_state_dict(
        {name: tensor.to(context.device) for name, tensor in checkpoint["engine"].items()}
    )
    context.sampler.refresh(context.state())
    if checkpoint["sampler"]:
        state = {name: tensor.to(context.device) for name, tensor in checkpoint["sampler"].items()}
        context.sampler.load_state_dict(state)  # type: ignore[attr-defined]
    refreshes.done = checkpoint["refreshes"]
    context.clock.seconds.update(checkpoint["seconds"])
    return int(checkpoint["updates"])
