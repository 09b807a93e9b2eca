"""One run of the pattern task, from its spec to its record."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from vsebench.data.open import reopen_dataset
from vsebench.kernels.clock import Clock, on_cpu
from vsebench.kernels.devices import cpu_threads
from vsebench.kernels.gemm import true_float32
from vsebench.patterns.data import PatternsData
from vsebench.patterns.errors import exams, metrics, returned, vectors
from vsebench.plugin import Key, PatternsTest, TrainingStep, VsebenchError
from vsebench.plugin.host.contain import unchanged
from vsebench.plugin.metrics import HEADLINE
from vsebench.results.memory import peak_memory_mb
from vsebench.results.observers import Observers
from vsebench.results.plugins import plugins_of
from vsebench.results.provenance import provenance
from vsebench.results.record import Cost, DivergenceError, Evaluation, RunRecord
from vsebench.results.run_base import make
from vsebench.results.stopping import is_stopped
from vsebench.retrieval.model import seeded
from vsebench.retrieval.training.optimisation import Adam

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor, nn

    from vsebench.patterns.errors import Exam
    from vsebench.patterns.spec import PatternsSpec
    from vsebench.plugin import PatternLoss
    from vsebench.results.folder.directory import RunDirectory

    Reporter = Callable[[dict[str, object]], None]

PHASES = ("train", "evaluation")
_HEADLINE = HEADLINE["patterns"].key


@dataclass
class State:
    """The state of a run between evaluations.

    Attributes:
        steps: steps done.
        metrics: dev metrics of the model there.
        restarts: number of times that the run was resumed.
    """

    steps: int = 0
    metrics: dict[str, float] = field(default_factory=dict)
    restarts: int = 0


class Trainer:
    """A pooling that learns a pattern.

    Attributes:
        pooling: the pooling.
        learns: whether it has parameters.
    """

    def __init__(
        self, spec: PatternsSpec, pooling: nn.Module, loss: PatternLoss, data: PatternsData
    ) -> None:
        self.pooling = pooling
        self.device = torch.device(spec.device)
        parameters = [p for p in pooling.parameters() if p.requires_grad]
        self.learns = bool(parameters)
        self._spec = spec
        self._loss = loss
        self._data = data
        self._sets = torch.Generator().manual_seed((Key(spec.seed) / "train").seed())
        steps = spec.protocol.epochs * spec.protocol.steps_per_epoch
        self._optimiser = Adam(parameters or [{"params": []}], lr=spec.protocol.lr)
        self._schedule = torch.optim.lr_scheduler.CosineAnnealingLR(self._optimiser, steps)

    def epoch(self, start: int) -> list[TrainingStep]:
        """Trains an epoch that begins after `start` steps."""
        self.pooling.train()
        numbers = range(start + 1, start + self._spec.protocol.steps_per_epoch + 1)
        key = Key(self._spec.seed) / "epoch" / start  # of dropout and the like
        taken: list[TrainingStep] = seeded(key, lambda: [*map(self._step, numbers)])
        return taken

    def _step(self, number: int) -> TrainingStep:
        drawn = self._data.batch(self._spec.protocol.batch_size, self._sets)
        sets, target = drawn.to(self.device), self._data.target(drawn).to(self.device)
        self._optimiser.zero_grad()
        found, output = vectors(self.pooling, sets)
        loss = sum(output.losses.values(), self._loss(found, target))
        loss.backward()  # type: ignore[no-untyped-call]
        rate = float(self._schedule.get_last_lr()[0])
        self._optimiser.step()
        self._schedule.step()
        return TrainingStep(number, float(loss.detach()), rate)

    def state_dict(self) -> dict[str, Any]:
        """What training goes on from."""
        return {
            "pooling": self.pooling.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "schedule": self._schedule.state_dict(),
            "sets": self._sets.get_state(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Takes training up where the state was saved."""
        self.pooling.load_state_dict(state["pooling"])
        self._optimiser.load_state_dict(state["optimiser"])
        self._schedule.load_state_dict(state["schedule"])
        self._sets.set_state(state["sets"])


@dataclass
class _Run:
    spec: PatternsSpec
    directory: RunDirectory
    data: PatternsData
    trainer: Trainer
    report: Reporter
    observers: Observers
    clock: Clock
    state: State = field(default_factory=State)

    @cached_property
    def dev(self) -> dict[str, Exam]:
        """What every evaluation is of."""
        return exams(self.data, "dev", self.trainer.device)

    def tested(self, split: str) -> dict[str, float]:
        """Metrics of the pooling as it is.

        Raises:
            VsebenchError: it returns values that are not finite.
        """
        pooling = self.trainer.pooling.eval()
        with self.clock.measure("evaluation"):
            tests = self.dev if split == "dev" else exams(self.data, split, self.trainer.device)
            measured = metrics(returned(pooling, tests), tests)
        if not all(map(math.isfinite, measured.values())):
            _refuse(self.spec, self.state.steps, f"the error on {split}")
        return measured


def run(
    spec: PatternsSpec,
    directory: RunDirectory,
    report: Reporter,
    observers: Observers | None = None,
) -> RunRecord:
    """Trains a pooling, or resumes it from its last checkpoint, and tests the last model.

    Args:
        spec: the run.
        directory: where its curve, checkpoint and model go.
        report: receives progress events.
        observers: plugins that watch; by default those of the run's environment.

    Raises:
        VsebenchError: the run cannot be made or diverged; the message says why.
    """
    plugins = plugins_of(spec)
    registry = plugins.registry
    device = torch.device(spec.device)
    with (
        cpu_threads(spec.protocol.threads),
        true_float32(fast=spec.device == "cpu") as matmul,
        unchanged([info.label for info in plugins.of_others]),
    ):
        origin = provenance(device, matmul, plugins)
        report({"event": "phase", "phase": "loading"})
        stopping = make(spec, "stop", registry)
        observers = observers or Observers.of(spec, directory.path)
        opened, _ = reopen_dataset(
            registry,
            spec.dataset.name,
            spec.dataset.params,
            Path(spec.environment.data_path),
            spec.data_fingerprint,
        )
        data: object = opened.data  # of whichever task
        assert isinstance(data, PatternsData)
        pooling = seeded(Key(spec.seed) / "init", lambda: make(spec, "pooling", registry))
        trainer = Trainer(spec, pooling.to(device), make(spec, "loss", registry), data)
        clock = Clock(device, PHASES)
        current = _Run(spec, directory, data, trainer, report, observers, clock)
        _restore(current)
        report({"event": "phase", "phase": "training"})
        _train(current, lambda: is_stopped(stopping, directory))
        record = _finish(current).model_copy(
            update={"provenance": origin.model_copy(update={"restarts": current.state.restarts})}
        )
        directory.write_record(record)
        directory.checkpoint_path.unlink(missing_ok=True)
        return record


def _train(current: _Run, stopped: Callable[[], bool]) -> None:
    """Every epoch with its evaluation; of a pooling that cannot learn the evaluation alone."""
    protocol, state = current.spec.protocol, current.state
    if not current.trainer.learns:
        _evaluate(current, [])
        return
    while state.steps < protocol.epochs * protocol.steps_per_epoch and not stopped():
        with current.clock.measure("train"):
            steps = current.trainer.epoch(state.steps)
        current.observers.stepped(steps)
        state.steps = steps[-1].step
        _evaluate(current, steps)
        if current.directory.checkpoint_is_due():
            current.directory.write_checkpoint(
                {
                    "training": current.trainer.state_dict(),
                    "state": vars(state),
                    "seconds": current.clock.read(),
                }
            )


def _evaluate(current: _Run, steps: list[TrainingStep]) -> None:
    """Adds a point to the curve."""
    spec, state = current.spec, current.state
    losses = [step.loss for step in steps]
    loss = math.fsum(losses) / len(losses) if losses else 0.0
    if not math.isfinite(loss):
        _refuse(spec, state.steps, "the loss")
    state.metrics = current.tested("dev")
    seconds = current.clock.read()
    evaluation = Evaluation(
        step=state.steps,
        epoch=state.steps / spec.protocol.steps_per_epoch,
        seconds=seconds["train"],
        cpu_seconds=seconds.get(on_cpu("train")),
        loss=loss,
        lr=steps[-1].lr if steps else 0.0,
        metrics=state.metrics,
        epoch_end=True,
    )
    current.directory.append_evaluation(evaluation)
    current.observers.evaluated(evaluation)
    current.report(
        {
            "event": "evaluated",
            "step": state.steps,
            "steps": spec.protocol.epochs * spec.protocol.steps_per_epoch,
            "epoch": max(0, round(evaluation.epoch) - 1),
            "epochs": spec.protocol.epochs,
            "loss": loss,
            _HEADLINE: state.metrics[_HEADLINE],
        }
    )


def _refuse(spec: PatternsSpec, steps: int, what: str) -> None:
    if steps:
        raise DivergenceError(
            f"training diverged before step {steps} ({what} is not finite): lower lr"
        )
    raise VsebenchError(
        f"{what} is not finite: pooling '{spec.pooling.spec}' returns values that are not, for "
        "finite features"
    )


def _finish(current: _Run) -> RunRecord:
    spec, state, trainer = current.spec, current.state, current.trainer
    current.report({"event": "phase", "phase": "test"})
    measured = current.tested("test")
    columns = current.observers.tested(lambda: _test(current, measured))
    weights = {
        name: tensor.detach().cpu().clone() for name, tensor in trainer.pooling.state_dict().items()
    }
    current.directory.write_best(weights, {"run_id": spec.run_id, "step": state.steps})
    seconds = current.clock.read()
    cost = Cost(
        train_seconds=seconds["train"],
        train_cpu_seconds=seconds.get(on_cpu("train")),
        mining_cpu_seconds=0.0,
        prior_cpu_seconds=0.0,
        evaluation_seconds=seconds["evaluation"],
        samples_seen=state.steps * spec.protocol.batch_size,
        parameters=sum(p.numel() for p in trainer.pooling.parameters()),
        peak_memory_mb=peak_memory_mb(trainer.device),
        concurrency=spec.environment.concurrency,
    )
    return RunRecord(
        run_id=spec.run_id,
        status="done",
        spec=spec,
        test=measured,
        best_dev=state.metrics,
        best_step=state.steps,
        steps=state.steps,
        steps_per_epoch=spec.protocol.steps_per_epoch,
        cost=cost,
        warnings=spec.environment.data_warnings,
        columns=columns,
    )


def _test(current: _Run, measured: dict[str, float]) -> PatternsTest:
    """What plugins see, of both ranges of sizes."""
    tests = exams(current.data, "test", current.trainer.device)
    found = returned(current.trainer.pooling, tests)
    joined: dict[str, Tensor] = {
        "found": torch.cat([*found.values()]),
        "target": torch.cat([test.target for test in tests.values()]),
        "lengths": torch.cat([test.sets.lengths for test in tests.values()]),
    }
    return PatternsTest(**joined, metrics=measured)


def _restore(current: _Run) -> None:
    """Takes a run up where its last checkpoint left it."""
    content = current.directory.read_checkpoint(("training", "state", "seconds"))
    if content is None:
        return
    current.trainer.load_state_dict(content["training"])
    current.state = State(**content["state"])
    current.state.restarts += 1
    current.clock.seconds.update(content["seconds"])
    current.directory.truncate_curve(current.state.steps)
