"""When things happen in a run, as functions of the step."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vsebench.results.protocol import Protocol


@dataclass(frozen=True)
class Schedule:
    """Steps count from 0; a run has `total` of them.

    Attributes:
        protocol: gives the settings.
        captions: training captions.
        warm_start: the model was trained before, so that there is no warm-up.
    """

    protocol: Protocol
    captions: int
    warm_start: bool = False

    @cached_property
    def steps_per_epoch(self) -> int:
        whole, left = divmod(self.captions, self.protocol.batch_size)
        return whole + int(left > 0 and self.protocol.last_batch == "keep")

    @cached_property
    def pairs_per_epoch(self) -> int:
        """Image–caption pairs that an epoch's steps consume."""
        return min(self.captions, self.steps_per_epoch * self.protocol.batch_size)

    def pairs(self, done: int) -> int:
        """Image–caption pairs consumed when `done` steps are done."""
        if done == 0:
            return 0  # an epoch has no step where nothing trains
        epochs, steps = divmod(done, self.steps_per_epoch)
        return epochs * self.pairs_per_epoch + steps * self.protocol.batch_size

    @property
    def total(self) -> int:
        return self.steps_per_epoch * self.protocol.epochs

    @cached_property
    def warmup_steps(self) -> int:
        """Steps that train with the protocol's warm-up loss."""
        return (
            0
            if self.warm_start
            else min(self.total, round(self.protocol.warmup_epochs * self.steps_per_epoch))
        )

    @cached_property
    def decay_step(self) -> int:
        """The step from which the learning rate is cut."""
        return round(self.protocol.lr_decay_at * self.total)

    @cached_property
    def lr_warmup_steps(self) -> int:
        """Steps over which the learning rate rises."""
        return min(self.total, round(self.protocol.lr_warmup_epochs * self.steps_per_epoch))

    def lr(self, step: int) -> float:
        if step < self.lr_warmup_steps:
            return self.protocol.lr * (step + 1) / self.lr_warmup_steps
        if self.protocol.lr_schedule == "cosine":
            return (
                self.protocol.lr
                * (
                    1
                    + math.cos(
                        math.pi
                        * (step - self.lr_warmup_steps)
                        / (self.total - self.lr_warmup_steps)
                    )
                )
                / 2
            )
        return self.protocol.lr * self.protocol.lr_decay ** self._cuts(step)

    def _cuts(self, step: int) -> int:
        """Number of cuts of the learning rate so far. Compounding, each epoch e multiplies it by
        lr_decay^(e // d), d being the epoch of the first cut.
        """
        if self.protocol.lr_schedule == "step":
            return int(step >= self.decay_step)
        first = max(1, round(self.protocol.lr_decay_at * self.protocol.epochs))
        return sum(epoch // first for epoch in range(step // self.steps_per_epoch + 1))

    def share(self, step: int) -> float:
        """The share of its epoch's steps that are done before a step, from 0 to below 1."""
        return step % self.steps_per_epoch / self.steps_per_epoch

    def ramp(self, step: int) -> float:
        """The share of its epoch's steps that are done with a step, above 0 to 1: the pace at which
        parameters start that were frozen.
        """
        return self.share(step) + 1 / self.steps_per_epoch

    @cached_property
    def _marks(self) -> frozenset[int]:
        """The steps of an epoch, from 1, after which dev is evaluated, equally spaced."""
        parts = min(self.protocol.evals_per_epoch, self.steps_per_epoch)
        return frozenset(round(part * self.steps_per_epoch / parts) for part in range(1, parts + 1))

    def evaluates(self, done: int) -> bool:
        """Whether dev is evaluated when `done` steps are done, from 1: equally often in each epoch,
        its end included, and at the multiples that the protocol asks for.
        """
        every = self.protocol.eval_every_steps
        of_epoch = (done - 1) % self.steps_per_epoch + 1
        return of_epoch in self._marks or (every > 0 and done % every == 0)

    def ends_epoch(self, done: int) -> bool:
        """Whether an epoch ends when `done` steps are done."""
        return done % self.steps_per_epoch == 0
