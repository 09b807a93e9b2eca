"""When things happen in a run, as functions of the step."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vsebench.results.spec import Protocol


@dataclass(frozen=True)
class Schedule:
    """Steps count from 0; a run has `total` of them.

    Attributes:
        protocol: gives the settings.
        captions: training captions; an epoch's last, partial batch is dropped.
        warm_start: the model was trained before, so that there is no warm-up.
    """

    protocol: Protocol
    captions: int
    warm_start: bool = False

    @property
    def steps_per_epoch(self) -> int:
        return self.captions // self.protocol.batch_size

    @property
    def total(self) -> int:
        return self.steps_per_epoch * self.protocol.epochs

    @cached_property
    def warmup_steps(self) -> int:
        """Steps that train with the protocol's warm-up loss."""
        return 0 if self.warm_start else min(self.total, round(self.protocol.warmup_epochs * self.steps_per_epoch))

    @cached_property
    def decay_step(self) -> int:
        """The step from which the learning rate is cut."""
        return round(self.protocol.lr_decay_at * self.total)

    def lr(self, step: int) -> float:
        return self.protocol.lr * (self.protocol.lr_decay if step >= self.decay_step else 1.0)

    def ramp(self, step: int) -> float:
        """How far its epoch is when a step is done, above 0 to 1: the pace at which parameters start that were frozen."""
        return (step % self.steps_per_epoch + 1) / self.steps_per_epoch

    @cached_property
    def evaluations(self) -> frozenset[int]:
        """Numbers of steps done at which dev is evaluated: equally spaced, epoch ends included."""
        per_epoch = self.protocol.evals_per_epoch
        marks = (
            epoch * self.steps_per_epoch + round(part * self.steps_per_epoch / per_epoch)
            for epoch in range(self.protocol.epochs)
            for part in range(1, per_epoch + 1)
        )
        return frozenset(marks) - {0}

    def ends_epoch(self, done: int) -> bool:
        """Whether an epoch ends when `done` steps are done."""
        return done % self.steps_per_epoch == 0
