"""The adaptive offline quintuplet loss (ECCV 2020)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

import torch

from vsebench.kernels.compiled import compiled_kernels_take
from vsebench.plugin import LossOutput, SpecError

if TYPE_CHECKING:
    from torch import Tensor

    from vsebench.plugin import LossInputs


_DIAGNOSTICS = ("weight_text", "weight_image", "active_online", "active_offline", "active_cross")
"""Means over a batch's pairs: of the adaptive weights of captions and of images, and of whether
there is an online hinge, an offline one, and one without a common anchor.
"""


class OfflineScores(NamedTuple):
    """Scores [B] of the offline negatives of each pair (image 1, caption 1).

    Attributes:
        text: image 1 with caption 3, `off_t`.
        image: image 3 with caption 1, `off_i`.
        cross3: image 3 with caption 3, `x1`.
        cross4: image 4 with caption 4, `x2`.
    """

    text: Tensor
    image: Tensor
    cross3: Tensor
    cross4: Tensor


class AOQTerms(NamedTuple):
    """The loss of each pair by part, and the adaptive weights behind it; all [B].

    Attributes:
        online: both adaptively weighted online hinges.
        offline: both hinges on offline negatives of the same anchor.
        cross: both hinges on negatives that share no anchor with the positive pair.
        weight_text: weight of the online caption; 1 without adaptive weights.
        weight_image: weight of the online image; likewise.
    """

    online: Tensor
    offline: Tensor
    cross: Tensor
    weight_text: Tensor
    weight_image: Tensor


def offline_scores(inputs: LossInputs) -> OfflineScores:
    """Inner products of the batch with its offline negatives, in float32 at least.

    Raises:
        SpecError: the batch carries no offline negatives.
    """
    negatives = inputs.offline
    if negatives is None:
        raise SpecError(
            "loss 'aoq' got no offline negatives (LossInputs.offline): it trains a second round "
            "only, and cannot serve as the warm-up loss"
        )
    text3, image3 = negatives["text3"], negatives["image3"]
    return OfflineScores(
        text=_row_dots(inputs.image, text3),
        image=_row_dots(image3, inputs.text),
        cross3=_row_dots(image3, text3),
        cross4=_row_dots(negatives["image4"], negatives["text4"]),
    )


def _diagnostics(parts: AOQTerms) -> tuple[Tensor, ...]:
    """The values of `_DIAGNOSTICS`, without gradients."""
    return (
        parts.weight_text.detach().mean(),
        parts.weight_image.detach().mean(),
        (parts.online != 0).double().mean(),
        (parts.offline > 0).double().mean(),
        (parts.cross > 0).double().mean(),
    )


def _row_dots(left: Tensor, right: Tensor) -> Tensor:
    wide = torch.promote_types(left.dtype, torch.float32)
    return (left.to(wide) * right.to(wide)).sum(dim=1)


@dataclass(frozen=True)
class AOQ:
    """`aoq`, the adaptive offline quintuplet loss. `h`, `start` and `mine` configure mining: the
    card's `offline` reads them.

    `terms` names the paper's ablations: `offtri` is the hard triplet loss with the two offline
    hinges of the same anchor, `offquin` adds the two hinges without a common anchor, and `full`
    (AdapOffQuin) the adaptive weights.
    """

    margin: float = 0.2
    offline_margin: float = 0.0
    alpha: float = 0.3
    beta: float = 1.5
    h: int = 300
    terms: Literal["offtri", "offquin", "full"] = "full"
    detach_weight: bool = False
    clamp_weight: bool = False
    start: Literal["scratch", "warm"] = "scratch"
    mine: Literal["hard", "random"] = "hard"
    reduction: Literal["sum", "mean"] = "sum"

    def __call__(self, inputs: LossInputs) -> LossOutput:
        similarity, positives, offline = inputs.similarity, inputs.positives, offline_scores(inputs)
        if compiled_kernels_take(similarity):
            from vsebench_plugins.aoq.loss_numba import NumbaAOQ

            pairs, means = NumbaAOQ.apply(self, similarity, positives, *offline)  # type: ignore[no-untyped-call]
            diagnostics = means.unbind()
        else:
            parts = self.parts(similarity, positives, offline)
            pairs = parts.online + parts.offline
            if self.terms != "offtri":
                pairs = pairs + parts.cross
            diagnostics = _diagnostics(parts)
        return LossOutput(
            pairs.sum() if self.reduction == "sum" else pairs.mean(),
            dict(zip(_DIAGNOSTICS, diagnostics, strict=True)),
        )

    def parts(self, similarity: Tensor, positives: Tensor, offline: OfflineScores) -> AOQTerms:
        """The parts of the loss of each pair, whichever of them `terms` adds up.

        With p the pair's own score, on its hardest online negative and off its offline negative in
        one direction, that direction contributes `(beta − (off − on) / alpha) · [margin + on − p]+
        + [offline_margin + off − p]+`. A pair without online negatives has no online hinge, and a
        weight of beta. Unless the terms are `full`, every online hinge has the weight 1. Computed
        in float32 at least.

        Args:
            similarity: scores [B, B] of image i and caption j.
            positives: bool [B, B].
            offline: scores of the offline negatives.
        """
        wide = torch.promote_types(similarity.dtype, torch.float32)
        scores = similarity.to(wide)
        offline = OfflineScores(*(score.to(wide) for score in offline))
        own = scores.diagonal()
        negatives = scores.masked_fill(positives, -math.inf)
        weight_text, text = self._online(negatives.max(dim=1).values, offline.text, own)
        weight_image, image = self._online(negatives.max(dim=0).values, offline.image, own)
        hinges = OfflineScores(*((self.offline_margin + score - own).relu() for score in offline))
        return AOQTerms(
            text + image,
            hinges.text + hinges.image,
            hinges.cross3 + hinges.cross4,
            weight_text,
            weight_image,
        )

    def _online(self, hardest: Tensor, off: Tensor, own: Tensor) -> tuple[Tensor, Tensor]:
        """The adaptive weights [B] and the weighted online hinges [B] of one direction."""
        missing = hardest == -math.inf
        online = torch.where(missing, off.detach(), hardest)
        adaptive = self.terms == "full"
        weight = self.beta - (off - online) / self.alpha if adaptive else torch.ones_like(off)
        if self.clamp_weight:
            weight = weight.clamp(min=0)
        if self.detach_weight:
            weight = weight.detach()
        return weight, (weight * (self.margin + online - own).relu()).masked_fill(missing, 0)
