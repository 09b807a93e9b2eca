"""The weights that a model's poolings put on sorted positions, for sets of a few lengths: what
figures show of a model whose weights are not kept.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import torch

from vsebench.plugin import LocalFeatures, PluginError
from vsebench.retrieval.encode import evaluating, first_batch

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from vsebench.retrieval.inputs.run_inputs import SplitInputs
    from vsebench.retrieval.model import Model, Tower

ITEMS = 64
"""Items of a split over which weights are averaged that depend on features."""
SHARES = (0.25, 0.5, 1.0)
"""Lengths of the sets, as shares of the longest that one in ten items has."""


def position_weights(
    model: Model, split: SplitInputs, device: torch.device
) -> dict[str, NDArray[np.float32]]:
    """Weights by side, `image` and `text`, of those poolings that show them; means over items and
    dimensions.

    Args:
        model: the model.
        split: split whose first items are pooled, each cut to the length of the set.
        device: device of the model.

    Returns:
        float32 [L, N] by side: a row for each of L lengths, its first n columns the weights of a
        set of n, the others NaN.

    Raises:
        PluginError: a pooling's `position_weights` fails, or gives something else.
    """
    found = {}
    with evaluating(model):
        for side, tower in (("image", model.image), ("text", model.text)):
            if hasattr(tower.pooling, "position_weights"):
                batch = first_batch(model, side, split, ITEMS, device)
                encoded = tower.encoder(tower.read(batch.values), batch.lengths)
                rows = (
                    encoded
                    if isinstance(encoded, LocalFeatures)
                    else LocalFeatures(encoded, batch.lengths)
                )
                found[side] = _of_lengths(tower, rows)
    return found


def _of_lengths(tower: Tower, rows: LocalFeatures) -> NDArray[np.float32]:
    features, lengths = rows
    longest = int(np.quantile(lengths.cpu().numpy(), 0.9, method="lower"))
    sizes = sorted({math.ceil(share * longest) for share in SHARES})
    table = np.full((len(sizes), longest), np.nan, np.float32)
    for row, n in zip(table, sizes, strict=True):
        whole = lengths >= n
        row[:n] = _weights(tower, features[whole, :n], torch.full_like(lengths[whole], n))
    return table


def _weights(tower: Tower, features: Tensor, lengths: Tensor) -> NDArray[np.float32]:
    """Mean weights [n] of items that all have n rows."""
    what = f"pooling '{tower.name}': position_weights"
    try:
        weights = tower.pooling.position_weights(features, lengths)
    except Exception as error:  # of a plugin any
        raise PluginError(f"{what} raises {type(error).__name__}: {error}") from error
    shapes = (features.shape[:2], features.shape)
    if not isinstance(weights, torch.Tensor) or weights.shape not in shapes:
        shape = list(getattr(weights, "shape", ()))
        raise PluginError(f"{what} gives {shape}, expected one of {list(map(list, shapes))}")
    mean = weights.float().flatten(2).mean(2) if weights.dim() == 3 else weights.float()
    values: NDArray[np.float32] = mean.mean(0).cpu().numpy()
    if not np.isfinite(values).all():
        raise PluginError(f"{what} gives weights that are not finite")
    return values
