"""That the weights over sorted positions that a pooling shows are those that it uses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from vsebench.kernels import sorted_values
from vsebench.testing.check import NotCheckedError, promise
from vsebench.testing.poolings.ragged import Ragged, parts, trial

if TYPE_CHECKING:
    from vsebench.testing.subject import Subject


@promise
def shows_the_weights_that_it_uses(subject: Subject) -> None:
    """Where it has `position_weights`, the sorted values summed with them are its embedding, and no
    weight lies beyond an item's length.
    """
    for inputs in (Ragged(), Ragged((1, 1), rows=4), Ragged((5, 5, 5), rows=5)):
        pooling, (features, lengths) = subject.build(dim=inputs.dim), inputs.tensors()
        weigh = getattr(pooling, "position_weights", None)
        if weigh is None:
            raise NotCheckedError("it has no position_weights to show")
        with torch.no_grad(), trial(subject, inputs, "p.position_weights(x, n), p(x, n)") as case:
            weights = weigh(features, lengths)
            plain, per_dimension = list(features.shape[:2]), list(features.shape)
            case.require(
                list(weights.shape) in (plain, per_dimension),
                "its weights have the wrong shape",
                expected=f"[B, N] = {plain} or [B, N, D] = {per_dimension}",
                found=str(list(weights.shape)),
            )
            case.finite(weights, "a weight is not finite")
            whole = weights if weights.dim() == 3 else weights[..., None]
            case.require(
                not bool(whole[~inputs.mask].any()),
                "a position beyond an item's length has a weight",
                expected="zeros there",
            )
            found = parts(pooling(features, lengths))
            case.require(
                "embedding" in found,
                "it shows weights of values, but returns no weighted sum",
                expected="a tensor [B, D]",
                found=", ".join(found),
            )
            case.all_close(
                {"embedding": (whole * sorted_values(features, lengths)).sum(dim=1)},
                found,
                "the sorted values summed with its weights are another embedding",
                expected="what it returns",
                rtol=1e-4,
                atol=1e-5,
            )
