"""Collapse: a model that maps everything to nearly one point, and does not come back.

The hardest negative of a hinge pulls all embeddings together when it is no worse than the positive;
the loss then rests at its value on equal embeddings, 2·B·m for the hard triplet summed over a
batch.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn import functional

from vsebench.plugin import LossInputs, LossOutput, SampledInputs
from vsebench.results.record import Collapse

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from vsebench.plugin import Progress
    from vsebench.results.record import Evaluation
    from vsebench.retrieval.training.step import Objective

COSINE = 0.95
"""Mean cosine of unrelated pairs from which on the embeddings count as one narrow cone."""

KEPT = 0.9
"""A model that keeps this share of its best dev RSUM has not collapsed, however narrow its cone:
ranks do not depend on its width.
"""

CHANCE = 3.0
"""A dev RSUM below this many times chance level is no better than none."""


def find_collapse(
    curve: Sequence[Evaluation], chance: float, plateau: Callable[[], float]
) -> Collapse | None:
    """The collapse that a run ended in.

    Args:
        curve: every evaluation, in order.
        chance: the dev RSUM of random ranks.
        plateau: gives the loss of equal embeddings; called for a collapsed run only.

    Returns:
        None when the last model separates unrelated pairs, or still retrieves as well as an earlier
        one.
    """
    best, last = max(e.metrics["rsum"] for e in curve), curve[-1]
    if last.metrics["rsum"] > max(KEPT * best, CHANCE * chance):
        return None
    narrow = None
    for evaluation in reversed(curve):
        if not evaluation.diagnostics["mean_unrelated_cosine"] >= COSINE:
            break
        narrow = evaluation
    if narrow is None:
        return None
    return Collapse(
        step=narrow.step,
        cosine=last.diagnostics["mean_unrelated_cosine"],
        best_rsum=best,
        last_rsum=last.metrics["rsum"],
        last_loss=last.loss,
        plateau=plateau(),
    )


def plateau(
    objective: Objective, batch_size: int, dim: int, progress: Progress, device: torch.device
) -> float:
    """The loss of a batch whose embeddings are all equal. A copy of the loss computes it, so that
    its state stays as it is.
    """
    same = functional.normalize(torch.ones(batch_size, dim, device=device), dim=1)
    ids = torch.arange(batch_size, device=device)
    inputs = LossInputs(
        image=same,
        text=same,
        positives=torch.eye(batch_size, dtype=torch.bool, device=device),
        image_ids=ids,
        text_ids=ids,
        offline=None if objective.offline is None else dict.fromkeys(objective.offline.roles, same),
        sampled=SampledInputs(
            same, same, *(torch.ones(batch_size, dtype=torch.bool, device=device) for _ in range(2))
        ),
        progress=progress,
        extras=dict.fromkeys(objective.card.extras, same),
    )
    with torch.no_grad():
        value = copy.deepcopy(objective.loss)(inputs)
    return float(value.loss if isinstance(value, LossOutput) else value)


def chance_rsum(text_to_image: np.ndarray, images: int) -> float:
    """The expected RSUM (percent) of random ranks: of n captions, an image's c have none among the
    first K with probability C(n − c, K) / C(n, K).
    """
    n = len(text_to_image)
    counts = np.bincount(text_to_image, minlength=images)
    total = 0.0
    for k in (1, 5, 10):
        draws = np.arange(min(k, n))
        misses = np.prod(np.clip(n - counts[:, None] - draws, 0, None) / (n - draws), axis=1)
        total += 100 * float(np.mean(1 - misses)) + 100 * min(1.0, k / images)
    return total
