"""Collapse: a model that no longer tells items apart, and does not come back.

The hardest negative of a hinge pulls all embeddings together when it is no worse than the positive.
Training then rests on a plateau, the loss that equal embeddings have: 2·B·m for the hard triplet
summed over a batch. Images and captions may come to rest in one point, in a point each, or only one
side does; what they share is the plateau, a narrow side and ranks that are lost.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn import functional

from vsebench.plugin import LossInputs, LossOutput, SampledInputs
from vsebench.plugin.metrics import RECALL_DEPTHS
from vsebench.results.record import Collapse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vsebench.plugin import Progress
    from vsebench.results.record import Evaluation
    from vsebench.retrieval.training.selection import Spread
    from vsebench.retrieval.training.step import Objective

KEPT = 0.9
"""A model that keeps this share of its best dev RSUM has not collapsed, however narrow its cone:
ranks do not depend on its width.
"""

CHANCE = 1.5
"""A dev RSUM up to this many times chance level is no better than none."""

NARROW = 0.9
"""Mean cosine of the images among themselves, or of the captions, from which on a side is one
narrow cone. That of unrelated pairs is not above the larger of these two.
"""

REST = 0.05
"""A loss that is less than this share below its value at equal embeddings gains nothing by telling
items apart.
"""

COSINE = 0.95
"""Mean cosine of unrelated pairs that has to speak for itself where no plateau is known."""


def is_collapsed(point: Evaluation, best: float, chance: float) -> bool:
    """Whether the model of an evaluation has collapsed: its ranks are lost, a side is narrow, and
    the loss is no better than at equal embeddings.

    Args:
        point: the evaluation; without `loss_at_equal` among its diagnostics, the cosine of
            unrelated pairs decides.
        best: the best dev RSUM of the run so far.
        chance: the dev RSUM of random ranks.
    """
    if point.metrics["rsum"] > max(KEPT * best, CHANCE * chance):
        return False
    known = point.diagnostics
    if "loss_at_equal" not in known:
        return known.get("mean_unrelated_cosine", -1.0) >= COSINE
    sides = ("mean_image_cosine", "mean_text_cosine", "mean_unrelated_cosine")
    plateau, loss = known["loss_at_equal"], known.get("objective", point.loss)
    narrow = any(known.get(side, -1.0) >= NARROW for side in sides)
    return narrow and loss >= plateau - REST * abs(plateau)


def find_collapse(curve: Sequence[Evaluation]) -> Collapse | None:
    """The collapse that a run ended in, from the judgements of its evaluations; None if the last
    model has not collapsed.
    """
    last, first = curve[-1], None
    for point in reversed(curve):
        if not point.diagnostics.get("collapsed"):
            break
        first = point
    if first is None:
        return None
    return Collapse(
        step=first.step,
        cosine=last.diagnostics["mean_unrelated_cosine"],
        image_cosine=last.diagnostics["mean_image_cosine"],
        text_cosine=last.diagnostics["mean_text_cosine"],
        best_rsum=max(point.metrics["rsum"] for point in curve),
        last_rsum=last.metrics["rsum"],
        last_loss=last.loss,
        plateau=last.diagnostics.get("loss_at_equal"),
    )


def chance_rsum(text_to_image: np.ndarray, images: int) -> float:
    """The expected RSUM (percent) of random ranks: of n captions, an image's c have none among the
    first K with probability C(n − c, K) / C(n, K).
    """
    n = len(text_to_image)
    counts = np.bincount(text_to_image, minlength=images)
    total = 0.0
    for k in RECALL_DEPTHS:
        draws = np.arange(min(k, n))
        misses = np.prod(np.clip(n - counts[:, None] - draws, 0, None) / (n - draws), axis=1)
        total += 100 * float(np.mean(1 - misses)) + 100 * min(1.0, k / images)
    return total


def loss_at_equal(
    objective: Objective, spread: Spread, batch_size: int, progress: Progress
) -> float:
    """The loss of a batch in which every image is the mean one and every caption the mean one: what
    it would be if the model told none of them apart. Pairs are of distinct images, and scores inner
    products.

    A copy of the loss computes it, and random numbers are put back: training does not notice.
    """
    image, text = (
        functional.normalize(mean.float(), dim=0).repeat(batch_size, 1)
        for mean in (spread.image_mean, spread.text_mean)
    )
    device = image.device
    ids, found = (
        torch.arange(batch_size, device=device),
        torch.ones(batch_size, dtype=torch.bool, device=device),
    )
    of = {"image": image, "text": text}
    roles = None if objective.offline is None else objective.offline.roles
    inputs = LossInputs(
        image=image,
        text=text,
        positives=torch.eye(batch_size, dtype=torch.bool, device=device),
        image_ids=ids,
        text_ids=ids,
        offline=None if roles is None else {name: of[side] for name, side in roles.items()},
        sampled=SampledInputs(text, image, found, found),
        progress=progress,
        extras={name: of[name.removeprefix("raw_")] for name in objective.card.extras},
    )
    with torch.no_grad(), torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        value = copy.deepcopy(objective.loss)(inputs)
    return float(value.loss if isinstance(value, LossOutput) else value)
