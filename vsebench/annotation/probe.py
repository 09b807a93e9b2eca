"""What one draw costs and what it gives, from a sample of draws beside the training."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from vsebench.plugin import DrawKey, SamplerState

if TYPE_CHECKING:
    from vsebench.annotation.engine import Context

_DRAWS = 4096


@dataclass(frozen=True)
class Probe:
    """Attributes: `seconds` of one draw, and the share of draws that are labels of their image in
    another split (None where these are not known).
    """

    seconds: float
    false_negatives: float | None


def probe(context: Context, step: int) -> Probe:
    """Draws for a batch of random pairs with the model as it is; the run's own random numbers are
    not touched.
    """
    rng = (context.key / "probe" / step).generator()
    pairs = rng.integers(0, context.data.positives.n_pairs, _DRAWS)
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
    seconds = (time.perf_counter() - start) / _DRAWS
    held_out, found = context.data.held_out, drawn >= 0
    if held_out is None or not found.any():
        return Probe(seconds, None)
    return Probe(seconds, float(held_out.contains(images[found], drawn[found]).mean()))
