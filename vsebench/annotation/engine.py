"""The common part of the two engines: the streams of pairs and draws, the refreshes, the tally, and
the sample of draws that measures their cost and quality.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch

from vsebench.plugin import DrawKey, SamplerState

if TYPE_CHECKING:
    from torch import Tensor

    from vsebench.annotation.model import Model, Settings, TrainingData
    from vsebench.kernels.clock import Clock
    from vsebench.plugin import Key, RankingLoss, Sampler


TALLIED = ("updates", "loss", "violations", "trials", "skipped", "exhausted")
"""Sums of an engine between two evaluations: updates; losses and margin violations of those that
found a negative; candidates looked at; updates skipped because the image has every label, and those
in which the sampler gave up.
"""

_PROBE_DRAWS = 4096


@dataclass(eq=False)
class Context:
    """One run in memory.

    Attributes:
        data: the training split.
        settings: training settings.
        model: model on its device.
        sampler: draws the negatives.
        loss: loss of their scores.
        key: key of the run's random numbers.
        clock: seconds by phase.
        steps: updates done and tally after each step since they were last read; None where no
            plugin watches them.
    """

    data: TrainingData
    settings: Settings
    model: Model
    sampler: Sampler
    loss: RankingLoss
    key: Key
    clock: Clock
    steps: list[tuple[int, Tensor]] | None = None

    def stepped(self, updates: int, tally: Tensor) -> None:
        """Notes a step, without waiting for a device."""
        if self.steps is not None:
            self.steps.append((updates, tally.clone()))

    def read_steps(self) -> list[tuple[int, float]]:
        """Updates done and mean loss of each step since they were last read; a step that found no
        negative has none to lose.
        """
        if not self.steps:
            return []
        updates, tallies = zip(*self.steps, strict=True)
        self.steps.clear()
        sums = torch.stack(tallies).cpu()
        each = torch.diff(sums, dim=0, prepend=torch.zeros_like(sums[:1]))
        count = dict(zip(TALLIED, each.unbind(1), strict=True))
        found = count["updates"] - count["skipped"] - count["exhausted"]
        losses = torch.where(found > 0, count["loss"] / found.clamp(min=1), 0.0)
        return list(zip(updates, losses.tolist(), strict=True))

    @property
    def device(self) -> torch.device:
        return self.model.labels.device

    @cached_property
    def pair_seed(self) -> int:
        """Step s takes pair number `below(fork(stream_of(pair_seed, s), b), n_pairs)` as its
        b-th.
        """
        return (self.key / "pairs").seed()

    @cached_property
    def draw_seed(self) -> int:
        """Seed of the negatives' `DrawKey`s."""
        return (self.key / "negatives").seed()

    @cached_property
    def owners(self) -> np.ndarray:
        """int64 [pairs], the image of each pair."""
        return self.data.positives.images()

    def state(self) -> SamplerState:
        """The state for a refresh; without the vectors of mapped images."""
        empty = self.model.images[:0]
        return SamplerState(
            empty if self.model.mapped else self.model.images,
            self.model.labels,
            self.data.positives,
        )


@dataclass(eq=False)
class Refreshes:
    """Refreshes a sampler before the first update and then whenever the given number of updates is
    complete.

    Attributes:
        context: the run.
        done: number of refreshes so far.
    """

    context: Context
    done: int = 0

    @cached_property
    def every(self) -> int | None:
        return self.context.sampler.refresh_every(self.context.data.positives.n_labels)

    def due(self, updates: int) -> bool:
        return self.done <= (0 if self.every is None else updates // self.every)

    def catch_up(self, updates: int) -> None:
        """Refreshes if due, once for all refreshes that a batch has skipped."""
        if self.due(updates):
            with self.context.clock.measure("refresh"):
                self.context.sampler.refresh(self.context.state())
            self.done = 1 + (0 if self.every is None else updates // self.every)

    def next(self, updates: int) -> int | None:
        """The number of updates at which the next one is due."""
        return None if self.every is None else (updates // self.every + 1) * self.every


class Engine(Protocol):
    """Takes updates of a run."""

    tally: Tensor
    """float64 [len(TALLIED)], on any device."""

    def prepare(self, updates: int) -> None:
        """Compiles the kernels that will run, so that no clock measures it."""
        ...

    def advance(self, updates: int, target: int) -> int:
        """Trains from `updates` done to `target`, or to the end of the step that reaches it;
        returns the updates done.
        """
        ...

    def state_dict(self) -> dict[str, Tensor]:
        """The state of the engine besides the model, for a checkpoint."""
        ...

    def load_state_dict(self, state: dict[str, Tensor]) -> None: ...


@dataclass(frozen=True)
class Probe:
    """A sample of draws.

    Attributes:
        seconds: seconds of one draw.
        false_negatives: share of draws that are labels of their image in another split; None where
            these are not known.
    """

    seconds: float
    false_negatives: float | None


def probe(context: Context, step: int) -> Probe:
    """Draws for a batch of random pairs with the current model; the run's own random numbers are
    not touched.
    """
    rng = (context.key / "probe" / step).generator()
    pairs = rng.integers(0, context.data.positives.n_pairs, _PROBE_DRAWS)
    images, device = context.owners[pairs], context.device
    labels = torch.from_numpy(context.data.positives.labels[pairs].astype(np.int64)).to(device)
    state, anchors = context.state(), torch.from_numpy(images).to(device)
    if context.data.features is not None:
        vectors = context.model.vectors(context.data.features[images])
        state = SamplerState(vectors, context.model.labels, context.data.positives, anchors)
        anchors = torch.arange(len(images), device=device)
    context.sampler.sample(state, anchors[:1], labels[:1], 1, DrawKey(0, step))  # compiles
    start = time.perf_counter()
    drawn = (
        context.sampler.sample(state, anchors, labels, 1, DrawKey(0, step))
        .negatives[:, 0]
        .cpu()
        .numpy()
    )
    seconds = (time.perf_counter() - start) / _PROBE_DRAWS
    held_out, found = context.data.held_out, drawn >= 0
    if held_out is None or not found.any():
        return Probe(seconds, None)
    return Probe(seconds, float(held_out.contains(images[found], drawn[found]).mean()))
