"""Data types and roles of negative samplers and of the losses of the annotation task.

Images i have vectors v (rows of P), labels a have vectors (rows of Q), and the score of a label for
an image is their inner product, without bias or normalisation. B pairs (image, positive label) per
call, k negatives for each, K factors, A labels.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple, Protocol

from vsebench.plugin.keys import stream_of

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from torch import Tensor

    from vsebench.plugin.keys import Key
    from vsebench.plugin.positives import Positives

NOTHING = -1
"""The label of a draw that found none."""

MARGIN = 1.0
"""Margin of the hinge; a draw is useful when its negative scores above the positive's score less
this margin.
"""


@dataclass(frozen=True)
class DrawKey:
    """Names the random numbers of one call: draw j of step s is a pure function of (seed, s, j)."""

    seed: int
    step: int

    @classmethod
    def of(cls, key: Key, step: int) -> DrawKey:
        return cls(key.seed(), step)

    @cached_property
    def stream(self) -> int:
        """The stream of the step; draw j has stream `fork(stream, j)`, and trial t of it
        `fork(fork(stream, j), t)`.
        """
        return stream_of(self.seed, self.step)


@dataclass(frozen=True, eq=False)
class SamplerState:
    """Input of a sampler.

    Attributes:
        P: float32 [m, K], image vectors.
        Q: float32 [A, K], label vectors.
        positives: the training labels of all n images, which are never drawn for them.
        images: int64 [m], the image of each row of P; None where row i is image i.
    """

    P: Tensor
    Q: Tensor
    positives: Positives
    images: Tensor | None = None

    def images_of(self, anchors: Tensor) -> Tensor:
        """int64 [B], the images whose vectors are the rows `anchors` of P."""
        return anchors if self.images is None else self.images[anchors]


@dataclass(frozen=True, eq=False)
class Draws:
    """Negatives for B pairs.

    Attributes:
        negatives: int64 [B, k]; `NOTHING` where the image has every label, or the sampler gave up.
        trials: int64 [B, k], number of candidates that were scored; 0 if there was none.
        weight: float32 [B, k], the sampler's weight of the pair from its estimate of the positive's
            rank; 1 without such an estimate.
    """

    negatives: Tensor
    trials: Tensor
    weight: Tensor


class Tables(NamedTuple):
    """Tables that a sampler built at its last refresh, and memory to work in.

    Attributes:
        ranks: int32, two-dimensional.
        numbers: float64, one-dimensional.
        scratch: float64, one-dimensional; the only thing that a law may change.
    """

    ranks: np.ndarray
    numbers: np.ndarray
    scratch: np.ndarray


@dataclass(frozen=True, eq=False)
class DrawKernel:
    """A sampler's law in compiled form, for the sequential engine and for batches on the CPU.

    Attributes:
        draw: a numba function `(image, vector, positive, stream, Q, offsets, labels, *tables) →
            (label, trials, weight)`. `vector` is the image's, float32 [K]; the t-th random word of
            the draw is `fork(stream, t)`; `offsets` and `labels` are those of the positives; what
            it returns is as in `Draws`. (One argument each: numba counts references to the arrays
            of a tuple at every access.)
        tables: its last arguments.
    """

    draw: Callable[..., tuple[int, int, float]]
    tables: Tables


class Sampler(Protocol):
    """Draws negatives. Its law may depend on the vectors as they were at the last refresh and as
    they are now.

    It may also have

    * `kernel() → DrawKernel`: the same law for the sequential engine, with the tables of the last
      refresh;
    * `law(state, anchor, positive) → float64 [A]`: the exact distribution of a draw, given that it
      finds something;
    * `reads_vectors = False` if its law does not depend on P and Q, which may then have no columns;
      in the retrieval task this saves embedding the training set;
    * `state_dict()` and `load_state_dict(…)`: the tables of the last refresh, tensors by name, so
      that a run can be resumed between two refreshes.
    """

    may_draw_positives: bool
    """Whether a draw can be a training positive of its image."""

    def refresh_every(self, n_labels: int) -> int | None:
        """Updates between two refreshes; None if the first is enough."""
        ...

    def refresh(self, state: SamplerState) -> None:
        """Rebuilds the tables; called before the first draw and whenever due."""
        ...

    def sample(
        self, state: SamplerState, anchors: Tensor, positives: Tensor, k: int, key: DrawKey
    ) -> Draws:
        """Draws k negatives for each pair of an anchor, int64 [B] (a row of `state.P`), and a
        positive label, int64 [B].

        Draw (b, c) is number b · k + c of `key`, whatever the device, the threads and the other
        pairs.
        """
        ...


@dataclass(frozen=True, eq=False)
class RankingInputs:
    """Scores of B pairs and of their negatives.

    Attributes:
        pos: float32 [B], scores of the positives.
        neg: float32 [B, k], scores of the negatives; −∞ where nothing was drawn.
        weight: float32 [B, k], see `Draws`.
    """

    pos: Tensor
    neg: Tensor
    weight: Tensor

    @property
    def difference(self) -> Tensor:
        """[B, k], by how much the positive leads."""
        return self.pos[:, None] - self.neg


class RankingLoss(Protocol):
    """A loss of the annotation task (its card: `LossCard(task="annotation")`). Every negative
    counts like an update of its own: losses are sums.

    It may also have `kernel()`, a numba function `(difference, weight) → (loss, slope)` for the
    sequential engine; the slope is −d loss / d difference.
    """

    def __call__(self, inputs: RankingInputs) -> Tensor:
        """The scalar sum over all negatives; 0 for a difference of +∞."""
        ...
