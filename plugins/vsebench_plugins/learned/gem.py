"""Generalised-mean pooling with a learnt exponent."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import nn

from vsebench.kernels import valid_mask
from vsebench.kernels.compiled import compiled_kernels_take
from vsebench_plugins.learned.rows import zero_padding

if TYPE_CHECKING:
    from torch import Tensor

_P_RANGE = (1.0, 100.0)
"""Below 1 the gradient is unbounded as values approach 0; at 100 the pooling is the maximum to
within n^(1/100).
"""


def generalised_mean(features: Tensor, lengths: Tensor, p: Tensor, eps: float) -> Tensor:
    """`((1/n) sum_k max(x_k, eps)^p)^(1/p)` over each dimension's valid values.

    Computed as `exp((logsumexp_k(p · log x_k) − log n) / p)`, which neither overflows nor
    underflows for any p. Differentiable once on the CPU.

    Args:
        features: [B, N, D].
        lengths: int64 [B], 1..N.
        p: the exponent, a scalar of at least 1.
        eps: smaller values count as this; above 0.

    Returns:
        [B, D] in the dtype of `features`, computed in float32 at least.
    """
    if compiled_kernels_take(features):
        from vsebench_plugins.learned.gem_numba import NumbaGeneralisedMean

        out: Tensor = NumbaGeneralisedMean.apply(features, lengths, p, eps)  # type: ignore[no-untyped-call]
        return out
    mask = valid_mask(lengths, features.shape[1])[:, :, None]
    logs = p * zero_padding(features, lengths).clamp(min=eps).log()
    total = torch.where(mask, logs, -math.inf).logsumexp(dim=1)
    return ((total - lengths[:, None].to(total.dtype).log()) / p).exp().to(features.dtype)


class GeM(nn.Module):
    """`gem`: the generalised mean with one learnt exponent, from the mean (p = 1) towards the
    maximum.

    VSE-infinity reports NaN for regions with a BiGRU. Here p is kept within 1..100 and powers are
    taken in the logarithmic domain: for p of at least 1 no derivative by a feature exceeds 1, so
    that training stays finite.

    Args:
        p: initial exponent.
        eps: smaller values count as this and get no gradient.
    """

    def __init__(self, p: float = 3.0, eps: float = 1e-6) -> None:
        super().__init__()
        self.p = nn.Parameter(torch.tensor(p))
        self.eps = eps

    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        return generalised_mean(features, lengths, self.p.clamp(*_P_RANGE), self.eps)

    def extra_repr(self) -> str:
        return f"eps={self.eps}"
