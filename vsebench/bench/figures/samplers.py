"""Draws of negative samplers for a batch of pairs, on a synthetic model at the end of its training,
labels of Zipf popularity, against those that one would write first in torch. The floor makes as
many random numbers.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from vsebench.annotation.throughput import planted_state
from vsebench.bench.figure import Figure, Work
from vsebench.plugin import DrawKey
from vsebench.plugin.specs import create

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from vsebench.bench.figure import Setting
    from vsebench.plugin import SamplerState

DIM = 100
_CANDIDATES = 5

SAMPLERS = {
    "uniform": "drawn again while positive",
    f"dns:n={_CANDIDATES}": "candidates drawn and scored",
    "vse-ens": "two multinomial draws",
}
"""What the plain version of each does."""


def work(spec: str, setting: Setting) -> Work:
    """One negative for each of 4,096 pairs of 20,000 images and 5,000 labels at full size; a
    million pairs on CUDA.
    """
    images, labels = setting.pick(tiny=(30, 20), quick=(2_000, 300), full=(20_000, 5_000))
    large = setting.size == "full" and setting.device.type == "cuda"
    batch = 1 << 20 if large else setting.pick(tiny=16, quick=4096, full=4096)
    state = planted_state(images, labels, DIM, setting.device)
    sampler = create("sampler", spec)
    sampler.refresh(state)
    numbers = np.random.default_rng(0).integers(0, state.positives.n_pairs, batch)
    pairs = tuple(
        torch.from_numpy(each.astype(np.int64))
        for each in (state.positives.images(), state.positives.labels)
    )
    owners, own = (each[numbers].to(setting.device) for each in pairs)
    has = torch.zeros(images, labels, dtype=torch.bool)
    has[pairs] = True
    has = has.to(setting.device)
    keys = iter(range(1 << 30))

    def ours() -> Tensor:
        negatives: Tensor = sampler.sample(state, owners, own, 1, DrawKey(0, next(keys))).negatives
        return negatives[:, 0]

    reference = _reference(spec, state, owners, has)

    def agree() -> None:
        for drawn in (ours(), reference()):
            assert not has[owners, drawn].any(), "a positive was drawn"

    return Work(
        ours=ours,
        reference=reference,
        floor=lambda: torch.rand(batch, device=setting.device),
        agree=agree,
        amount=batch,
        unit="draws",
    )


def _reference(spec: str, state: SamplerState, owners: Tensor, has: Tensor) -> Callable[[], Tensor]:
    if spec == "uniform":
        return lambda: uniform(owners, has)
    if spec.startswith("dns"):
        return lambda: dns(owners, has, state.P, state.Q, _CANDIDATES)
    factors = Factors.of(state.P, state.Q)
    scale = create("sampler", spec).scale(has.shape[1])
    return lambda: rank_by_factor(owners, has, factors, scale)


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


FIGURES = tuple(
    Figure(
        f"sampler/{spec.partition(':')[0]}",
        partial(work, spec),
        reference=about,
        floor="as many random numbers",
    )
    for spec, about in SAMPLERS.items()
)
