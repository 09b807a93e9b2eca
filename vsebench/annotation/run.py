"""One run of the annotation task, from its spec to its record."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import torch

from vsebench.annotation.evaluation import evaluate
from vsebench.annotation.inputs import Inputs, open_inputs, settings_of
from vsebench.annotation.train import TRAINING, Recipe, cpu_seconds, train
from vsebench.kernels.devices import cpu_threads
from vsebench.kernels.gemm import true_float32
from vsebench.plugin import AnnotationTest, TrainingStep, VsebenchError
from vsebench.plugin.host.contain import unchanged
from vsebench.plugin.metrics import HEADLINE
from vsebench.results.memory import peak_memory_mb
from vsebench.results.observers import Observers
from vsebench.results.plugins import plugins_of
from vsebench.results.provenance import provenance
from vsebench.results.record import Cost, Evaluation, RunRecord
from vsebench.results.run_base import make
from vsebench.results.stopping import Best, is_stopped

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from torch import Tensor

    from vsebench.annotation.inputs import RankedSplit
    from vsebench.annotation.metrics import AnnotationMetrics
    from vsebench.annotation.model import Model
    from vsebench.annotation.train import Checkpoint, Point
    from vsebench.results.folder.directory import RunDirectory
    from vsebench.results.spec import AnnotationSpec

    Reporter = Callable[[dict[str, object]], None]


@dataclass
class State:
    """The state of a run between evaluations.

    Attributes:
        updates: number of updates done so far.
        seconds: seconds by phase, as in `Point`.
        best: see `Best`.
        restarts: number of times that the run was resumed.
    """

    updates: int = 0
    seconds: Mapping[str, float] = field(default_factory=dict)
    best: Best | None = None
    restarts: int = 0


@dataclass
class _Run:
    spec: AnnotationSpec
    directory: RunDirectory
    inputs: Inputs
    report: Reporter
    observers: Observers
    state: State = field(default_factory=State)

    @property
    def updates(self) -> int:
        return self.inputs.updates_per_epoch * self.spec.protocol.epochs


def run(
    spec: AnnotationSpec,
    directory: RunDirectory,
    report: Reporter,
    observers: Observers | None = None,
) -> RunRecord:
    """Trains a run, or resumes it from its last checkpoint, evaluates its best model on test once,
    and stores the metrics of each image and the model.

    Args:
        spec: the run.
        directory: where its curve, checkpoint, best model and metrics go.
        report: receives progress events.
        observers: plugins that watch; by default those of the run's environment.

    Raises:
        VsebenchError: the run cannot be made or diverged; the message says why.
    """
    plugins = plugins_of(spec)
    registry = plugins.registry
    with (
        cpu_threads(spec.protocol.threads),
        true_float32(fast=spec.device == "cpu") as matmul,
        unchanged([info.label for info in plugins.of_others]),
    ):
        origin = provenance(torch.device(spec.device), matmul, plugins)
        report({"event": "phase", "phase": "loading"})
        stopping = make(spec, "stop", registry)
        observers = observers or Observers.of(spec, directory.path)
        resume, state = _restore(directory)
        current = _Run(spec, directory, open_inputs(spec, registry), report, observers, state)
        report({"event": "phase", "phase": "training"})
        recipe = Recipe(
            current.inputs.training,
            settings_of(spec.protocol, current.inputs.updates_per_epoch),
            make(spec, "sampler", registry),
            make(spec, "loss", registry),
            spec.seed,
            spec.device,
        )
        points = train(
            recipe,
            lambda model: _metrics(current.inputs, model.images, model.labels, "dev").as_dict(),
            resume=resume,
            told=partial(_tell_steps, current) if observers.watch("vsebench_stepped") else None,
        )
        while not is_stopped(stopping, directory) and (point := next(points, None)) is not None:
            _take(current, point)
        record = _finish(current).model_copy(
            update={"provenance": origin.model_copy(update={"restarts": current.state.restarts})}
        )
        directory.write_record(record)
        directory.checkpoint_path.unlink(missing_ok=True)
        return record


def _tell_steps(current: _Run, steps: list[tuple[int, float]]) -> None:
    lr = current.spec.protocol.lr
    current.observers.stepped([TrainingStep(step, loss, lr) for step, loss in steps])


def _take(current: _Run, point: Point) -> None:
    """Appends an evaluation to the curve, keeps the model if it is the best so far, and writes a
    checkpoint where one is due.
    """
    if point.diagnostics["skipped"] == 1:
        raise VsebenchError(
            f"no update before {point.updates:,} found a negative label: every training image "
            "with labels has all of them"
        )
    state, metrics, headline = current.state, dict(point.metrics), HEADLINE["annotation"].key
    if state.best is None or metrics[headline] > state.best.metrics[headline]:
        state.best = Best(point.updates, metrics, _copy(point.model))
    per_epoch = current.inputs.updates_per_epoch
    # A sampler of violators that finds none leaves nothing to lose
    loss = 0.0 if math.isnan(point.loss) else point.loss
    evaluation = Evaluation(
        step=point.updates,
        epoch=point.updates / per_epoch,
        seconds=point.train_seconds,
        cpu_seconds=point.train_cpu_seconds,
        loss=loss,
        lr=current.spec.protocol.lr,
        metrics=metrics,
        diagnostics=dict(point.diagnostics),
        epoch_end=point.updates % per_epoch == 0,
    )
    current.directory.append_evaluation(evaluation)
    current.observers.evaluated(evaluation)
    state.updates, state.seconds = point.updates, point.seconds
    if current.directory.checkpoint_is_due():
        current.directory.write_checkpoint(
            {
                "training": point.checkpoint(),
                "best": vars(state.best),
                "restarts": state.restarts,
            }
        )
    epochs = current.spec.protocol.epochs
    progress = {
        "step": point.updates,
        "steps": current.updates,
        "epoch": (point.updates - 1) // per_epoch,
        "epochs": epochs,
    }
    current.report({"event": "evaluated", **progress, "loss": loss, headline: metrics[headline]})


def _finish(current: _Run) -> RunRecord:
    state, directory, spec = current.state, current.directory, current.spec
    assert state.best is not None
    current.report({"event": "phase", "phase": "test"})
    best = {name: tensor.to(spec.device) for name, tensor in state.best.model.items()}
    metrics = _metrics(current.inputs, best["images"], best["labels"], "test")
    directory.write_per_image({"image": metrics.images, **metrics.per_image})
    split = current.inputs.splits["test"]
    columns = current.observers.tested(
        lambda: AnnotationTest(
            _vectors(split, best["images"]),
            best["labels"],
            split.positives,
            split.known,
            metrics.as_dict(),
        )
    )
    directory.write_best(state.best.model, {"run_id": spec.run_id, "step": state.best.step})
    return RunRecord(
        run_id=spec.run_id,
        status="done",
        spec=spec,
        test=metrics.as_dict(),
        best_dev=state.best.metrics,
        best_step=state.best.step,
        steps=state.updates,
        steps_per_epoch=current.inputs.updates_per_epoch,
        cost=_cost(current, state.best.model),
        warnings=spec.environment.data_warnings,
        columns=columns,
    )


def _cost(current: _Run, model: Mapping[str, Tensor]) -> Cost:
    seconds = current.state.seconds
    parts = {
        f"{phase}_seconds": seconds[phase]
        for phase in ("sampling", "refresh", "update", "evaluation")
    }
    return Cost(
        train_seconds=sum(seconds[phase] for phase in TRAINING),
        train_cpu_seconds=cpu_seconds(seconds),
        mining_cpu_seconds=0.0,
        prior_cpu_seconds=0.0,
        samples_seen=current.state.updates,
        parameters=sum(tensor.numel() for tensor in model.values()),
        peak_memory_mb=peak_memory_mb(torch.device(current.spec.device)),
        concurrency=current.spec.environment.concurrency,
        **parts,
    )


def _metrics(inputs: Inputs, images: Tensor, labels: Tensor, name: str) -> AnnotationMetrics:
    """Of the vectors, or of the map and the label vectors, on a split."""
    split = inputs.splits[name]
    return evaluate(_vectors(split, images), labels, split.positives, split.known)


def _vectors(split: RankedSplit, images: Tensor) -> Tensor:
    """float32 [n, K], those of the images of a split."""
    return (
        images
        if split.features is None
        else torch.from_numpy(split.features).to(images.device) @ images
    )


def _copy(model: Model) -> dict[str, Tensor]:
    return {
        name: tensor.detach().cpu().clone()
        for name, tensor in (("images", model.images), ("labels", model.labels))
    }


def _restore(directory: RunDirectory) -> tuple[Checkpoint | None, State]:
    """What `train` resumes from, None at the start, and the state of the run then."""
    content = directory.read_checkpoint(("training", "best", "restarts"))
    if content is None:
        return None, State()
    training = content["training"]
    directory.truncate_curve(training["updates"])
    best, restarts = Best(**content["best"]), content["restarts"] + 1
    return training, State(training["updates"], training["seconds"], best, restarts)
