"""A base for samplers that have one law in two forms: a compiled scalar function and vectorised
torch operations.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from vsebench.kernels.compiled import array, numba_works
from vsebench.kernels.negatives import NegativeIndex
from vsebench.plugin.keys import fork
from vsebench.plugin.sampling import NOTHING, DrawKernel, Draws, Tables

if TYPE_CHECKING:
    from collections.abc import Callable

    from vsebench.plugin import DrawKey, SamplerState

__all__ = ("Case", "Found", "LawSampler", "Request", "first_accepted", "tables")

Found = tuple[Tensor, Tensor, Tensor]
"""Labels int64, trials int64 and weights float32, [B, k] each."""


@dataclass(frozen=True, eq=False)
class Case:
    """One pair, for its exact law.

    Attributes:
        vector: float64 [K], of the image.
        Q: float64 [A, K], label vectors.
        positive: a label of the image.
        negative: bool [A], the labels that it does not have.
    """

    vector: np.ndarray
    Q: np.ndarray
    positive: int
    negative: np.ndarray


def tables(
    ranks: np.ndarray | None = None, numbers: np.ndarray | None = None, scratch: int = 1
) -> Tables:
    """The tables of a law; those that it does not need are empty.

    Args:
        ranks: int32, two-dimensional.
        numbers: float64, one-dimensional.
        scratch: numbers to work in, 0 at first.
    """
    return Tables(
        np.zeros((1, 1), np.int32) if ranks is None else ranks,
        np.zeros(1) if numbers is None else numbers,
        np.zeros(scratch),
    )


@dataclass(frozen=True, eq=False)
class Request:
    """B pairs that want k negatives each.

    Attributes:
        vectors: float32 [B, K] of the images.
        Q: float32 [A, K], label vectors.
        images: int64 [B, 1].
        positives: int64 [B].
        streams: int64 [B, k], of the draws.
        free: int64 [B, 1], number of labels that the image does not have. Where it is 0, the law
            may give any label: the draw counts as empty.
        index: index of the positives.
    """

    vectors: Tensor
    Q: Tensor
    images: Tensor
    positives: Tensor
    streams: Tensor
    free: Tensor
    index: NegativeIndex

    def of(self, draws: Tensor) -> Request:
        """The request for some draws, numbered b · k + c: one negative each."""
        pairs = draws // self.streams.shape[1]
        streams = self.streams.flatten()[draws, None]
        return Request(
            self.vectors[pairs],
            self.Q,
            self.images[pairs],
            self.positives[pairs],
            streams,
            self.free[pairs],
            self.index,
        )


class LawSampler(ABC):
    """A sampler that never draws a training positive; see `vsebench.plugin.Sampler`.

    A subclass gives `kernel` and `draw`, which have the same law and the same random numbers; a
    test should compare them.
    """

    may_draw_positives = False

    def __init__(self) -> None:
        self._index: NegativeIndex | None = None

    def refresh_every(self, n_labels: int) -> int | None:  # noqa: ARG002  # the answer of laws without tables
        return None

    def refresh(self, state: SamplerState) -> None:
        self.negatives(state)

    def negatives(self, state: SamplerState) -> NegativeIndex:
        """The index of the state's positives, made once."""
        if self._index is None or not self._index.matches(state.positives, state.Q.device):
            self._index = NegativeIndex(state.positives, state.Q.device)
        return self._index

    @abstractmethod
    def kernel(self) -> DrawKernel:
        """The law as a numba function, with the tables of the last refresh."""

    @abstractmethod
    def draw(self, request: Request) -> Found:
        """The law in torch operations, on any device."""

    def sample(
        self, state: SamplerState, anchors: Tensor, positives: Tensor, k: int, key: DrawKey
    ) -> Draws:
        choose = (
            self.compiled if anchors.device.type == "cpu" and numba_works() else self.vectorised
        )
        return choose(state, anchors, positives, k, key)

    def compiled(
        self, state: SamplerState, anchors: Tensor, positives: Tensor, k: int, key: DrawKey
    ) -> Draws:
        """`sample` by the numba function."""
        from vsebench.kernels.draws_numba import draw_batch

        shape = (len(anchors), k)
        labels, trials, weight = (
            np.empty(shape, np.int64),
            np.empty(shape, np.int64),
            np.empty(shape, np.float32),
        )
        kernel, rows = self.kernel(), state.positives
        pairs = array(anchors), array(state.images_of(anchors)), array(positives)
        draw_batch(
            kernel.draw,
            tuple(kernel.tables),
            *pairs,
            key.stream,
            array(state.P),
            array(state.Q),
            rows.offsets,
            rows.labels,
            (labels, trials, weight),
        )
        return Draws(torch.from_numpy(labels), torch.from_numpy(trials), torch.from_numpy(weight))

    def vectorised(
        self, state: SamplerState, anchors: Tensor, positives: Tensor, k: int, key: DrawKey
    ) -> Draws:
        """`sample` by torch operations."""
        index, images = self.negatives(state), state.images_of(anchors)[:, None]
        numbers = torch.arange(len(anchors) * k, device=anchors.device).view(-1, k)
        streams = fork(torch.full_like(numbers, key.stream), numbers)
        free = index.free(images)
        labels, trials, weight = self.draw(
            Request(state.P[anchors], state.Q, images, positives, streams, free, index)
        )
        empty = free == 0
        return Draws(
            labels.masked_fill(empty, NOTHING),
            trials.masked_fill(empty, 0),
            weight.masked_fill(empty, 1),
        )

    def law(self, state: SamplerState, anchor: int, positive: int) -> np.ndarray:
        """The exact distribution of one draw that finds something: float64 [A].

        Args:
            state: sampler state, with the vectors on any device.
            anchor: a row of `state.P`.
            positive: one of its labels.
        """
        image = int(state.images_of(torch.tensor([anchor], device=state.P.device))[0])
        negative = np.ones(state.positives.n_labels, bool)
        negative[state.positives.row(image)] = False
        case = Case(
            state.P[anchor].double().cpu().numpy(),
            state.Q.double().cpu().numpy(),
            positive,
            negative,
        )
        mass = self.mass(case) * negative
        law: np.ndarray = mass / mass.sum()
        return law

    @abstractmethod
    def mass(self, case: Case) -> np.ndarray:
        """The unnormalised law of the negatives, float64 [A]; values of positives are ignored."""

    def state_dict(self) -> dict[str, Tensor]:
        """The tables of the last refresh; laws without tables have none."""
        return {}

    def load_state_dict(self, tables: dict[str, Tensor]) -> None:  # noqa: B027  # nor is there anything to put back
        """Puts the tables back, after a first `refresh`."""


def first_accepted(
    attempt: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]],
    active: Tensor,
    limits: Tensor,
    widest: int,
) -> tuple[Tensor, Tensor]:
    """Tries until something is accepted, more candidates at once from round to round.

    Args:
        attempt: `(draws [p], trials [c]) → (candidates int64 [p, c], accepted bool [p, c])` for
            those trials of those draws.
        active: int64 [p], numbers of the draws to make.
        limits: int64 [N], most trials of each of the N draws.
        widest: most candidates of a round, over all draws.

    Returns:
        For each of the N draws the accepted candidate, or the last one, and the trials made: 0
        where none was accepted. int64 [N] each.
    """
    labels, trials = torch.zeros_like(limits), torch.zeros_like(limits)
    start, width = 0, 1
    while len(active):
        numbers = torch.arange(start, start + width, device=limits.device)
        candidates, accepted = attempt(active, numbers)
        accepted &= numbers < limits[active, None]
        first = accepted.byte().argmax(dim=1, keepdim=True)  # the first of equal maxima
        labels[active] = candidates.gather(1, first).squeeze(1)
        hit = accepted.gather(1, first).squeeze(1)
        trials[active] = torch.where(hit, start + first.squeeze(1) + 1, 0)
        start += width
        active = active[~hit & (limits[active] > start)]
        width = max(1, min(4 * width, widest // max(len(active), 1)))
    return labels, trials
