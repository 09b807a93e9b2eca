"""Negative samplers for a batch of pairs, as one would write them first in torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch

if TYPE_CHECKING:
    from torch import Tensor


def uniform(images: Tensor, has: Tensor) -> Tensor:
    """Labels that the images do not have, drawn again until none of them is one.

    Args:
        images: int64 [B].
        has: bool [images, labels].
    """
    drawn = torch.randint(has.shape[1], images.shape, device=images.device)
    while (own := has[images, drawn]).any():
        fresh = torch.randint(has.shape[1], images.shape, device=images.device)
        drawn = torch.where(own, fresh, drawn)
    return drawn


def dns(images: Tensor, has: Tensor, P: Tensor, Q: Tensor, candidates: int) -> Tensor:
    """The best-scoring of some uniform candidates."""
    drawn = torch.stack([uniform(images, has) for _ in range(candidates)], dim=1)
    scores = (P[images][:, None] * Q[drawn]).sum(dim=2)
    return drawn.gather(1, scores.argmax(dim=1, keepdim=True)).squeeze(1)


class Factors(NamedTuple):
    """What VSE-ens keeps of the matrices between two refreshes.

    Attributes:
        P: float [images, F].
        order: int64 [F, labels], each factor's labels, largest first.
        spreads: float [F], each factor's deviation over the labels.
    """

    P: Tensor
    order: Tensor
    spreads: Tensor

    @classmethod
    def of(cls, P: Tensor, Q: Tensor) -> Factors:
        """Those of label factors Q, float [labels, F]."""
        return cls(P, Q.T.argsort(dim=1, descending=True), Q.std(dim=0))


def rank_by_factor(images: Tensor, has: Tensor, factors: Factors, scale: float) -> Tensor:
    """VSE-ens: a factor by the image's weight on it, then a label by its rank on that factor.

    Args:
        images: int64 [B].
        has: bool [images, labels].
        factors: factors of images and labels.
        scale: scale of the exponential law of ranks.
    """
    P, order, spreads = factors
    labels = order.shape[1]
    chance = torch.exp(-torch.arange(labels, device=P.device) / scale)

    def draw() -> Tensor:
        factor = torch.multinomial(P[images].abs() * spreads, 1).squeeze(1)
        rank = torch.multinomial(chance, len(images), replacement=True)
        against = P[images, factor] < 0
        return order[factor, torch.where(against, labels - 1 - rank, rank)]

    drawn = draw()
    while (own := has[images, drawn]).any():
        drawn = torch.where(own, draw(), drawn)
    return drawn
