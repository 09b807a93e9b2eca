"""The plateau on which a collapsed run rests: what its loss is when all embeddings are equal."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from vsebench.plugin import LossInputs, LossOutput, SampledInputs

if TYPE_CHECKING:
    from vsebench.plugin import Progress
    from vsebench.retrieval.training.selection import Spread
    from vsebench.retrieval.training.step import Objective


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
