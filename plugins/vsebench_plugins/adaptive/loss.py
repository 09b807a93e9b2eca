"""The adaptive contrastive objective (ADCTO, EACL 2023): InfoNCE with a margin over the n hardest
negatives, n falling as pairs align.

Everything works on the scores [B, B]: negatives are ranked by one sort per direction and cut off by
a mask, so that shapes do not depend on n and n stays on the device.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

import torch
from torch.nn.functional import softplus

from vsebench.plugin import Key, LossOutput

if TYPE_CHECKING:
    from torch import Tensor

    from vsebench.plugin import LossInputs

CONTRIBUTES = 1e-3  # softmax probability above which a negative counts as contributing


class Spread(NamedTuple):
    """`align`, the mean score of the pairs; `unif`, the mean of e^−s over all B² scores with the
    pairs' own taken as 0. Scalars without gradient.
    """

    align: Tensor
    unif: Tensor


def spread(scores: Tensor) -> Spread:
    """Alignment and uniformity of `scores` [B, B]."""
    scores = scores.detach()
    others = scores.masked_fill(_diagonal(scores), 0)
    return Spread(scores.diagonal().mean(), (-others).exp().mean())


def adaptive_count(align: Tensor, unif: Tensor, batch: int, scale: float = 1.25) -> Tensor:
    """The count `n = trunc(B cos((align + unif)^scale)) + 1`, within 1..B−1; int64 scalar on the
    device of its arguments (0 for a batch of one).
    """
    angle = (align + unif).clamp(min=0) ** scale
    return ((angle.cos() * batch).trunc().long() + 1).clamp(min=1).clamp(max=batch - 1)


class QueryLosses(NamedTuple):
    """Of the queries in rows, [B] each.

    Attributes:
        loss: the contrastive loss.
        contributing: negatives whose softmax probability exceeds `CONTRIBUTES`. The probability is
            the negative's gradient in units of 1/τ and sums to less than 1 over a query, so a query
            that is solved counts none, and a thousand equally hard negatives still count.
    """

    loss: Tensor
    contributing: Tensor


def hardest_first(scores: Tensor, positives: Tensor) -> Tensor:
    """The scores of each query's negatives [B, B], the highest first; `positives` bool [B, B] are
    none, and stand last as −∞.
    """
    return scores.masked_fill(positives, -math.inf).sort(dim=1, descending=True).values


def hardest_first_as_released(scores: Tensor) -> Tensor:
    """As `hardest_first`, like the released code: every item is a negative, ranked with the pair's
    own score taken as 0. So the pair is a negative of itself, at its true score, wherever fewer
    than n others are above 0.
    """
    order = scores.detach().masked_fill(_diagonal(scores), 0).argsort(dim=1, descending=True)
    return scores.gather(1, order)


def adaptive_queries(
    scores: Tensor, ranked: Tensor, n: Tensor | int, *, tau: float = 0.05, margin: float = 0.2
) -> QueryLosses:
    """`−log(e^{p/τ} / (e^{p/τ} + Σ e^{(s + margin)/τ}))` for the queries in the rows of `scores`
    [B, B], the sum over the first n negatives s of `ranked` [B, B].
    """
    own = scores.diagonal()[:, None]
    beyond = torch.arange(len(scores), device=scores.device) >= n
    logits = ((ranked + margin) / tau).masked_fill(beyond, -math.inf)
    losses = softplus(logits.logsumexp(dim=1, keepdim=True) - own / tau, threshold=50)
    probabilities = (logits - own / tau - losses).detach().exp()
    return QueryLosses(losses.squeeze(1), (probabilities > CONTRIBUTES).sum(dim=1))


def _diagonal(scores: Tensor) -> Tensor:
    return torch.eye(len(scores), dtype=torch.bool, device=scores.device)


@dataclass(frozen=True)
class Adaptive:
    """`adaptive`: the mean over the batch and both directions, with the n of `mode`.

    `adaptive` computes n from the batch (`adaptive_count`); `constant` takes `const`; `random`
    draws one n from 1..B−1 for each direction, as a function of the training step (step 0 when the
    progress is not known).
    """

    tau: float = 0.05
    margin: float = 0.2
    scale: float = 1.25
    mode: Literal["adaptive", "constant", "random"] = "adaptive"
    const: int = 3
    reference: bool = False

    def __call__(self, inputs: LossInputs) -> LossOutput:
        scores = inputs.similarity.to(torch.promote_types(inputs.similarity.dtype, torch.float32))
        measured = spread(scores)
        counts = self._counts(inputs, measured, len(scores))
        sides = [
            adaptive_queries(
                rows,
                hardest_first_as_released(rows) if self.reference else hardest_first(rows, mask),
                n,
                tau=self.tau,
                margin=self.margin,
            )
            for rows, mask, n in zip(
                (scores, scores.T), (inputs.positives, inputs.positives.T), counts, strict=True
            )
        ]
        diagnostics = {
            "n": (
                torch.zeros((), dtype=torch.float64, device=scores.device) + counts[0] + counts[1]
            )
            / 2,
            "align": measured.align,
            "unif": measured.unif,
            "contributing": torch.cat([side.contributing for side in sides]).double().mean(),
        }
        return LossOutput(torch.cat([side.loss for side in sides]).mean(), diagnostics)

    def _counts(
        self, inputs: LossInputs, measured: Spread, batch: int
    ) -> tuple[Tensor | int, Tensor | int]:
        """The n of the image queries and of the caption queries."""
        if self.mode == "constant":
            n = min(self.const, batch - 1)
            return n, n
        if self.mode == "random":
            step = 0 if inputs.progress is None else inputs.progress.step
            images, captions = (
                Key("adaptive", step).generator().integers(1, batch, size=2)
                if batch > 1
                else (0, 0)
            )
            return int(images), int(captions)
        adaptive = adaptive_count(*measured, batch, self.scale)
        return adaptive, adaptive
