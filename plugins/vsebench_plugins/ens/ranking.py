"""Labels ordered by each factor, and how far each factor spreads them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from vsebench.kernels.compiled import array, numba_works

if TYPE_CHECKING:
    from torch import Tensor

_LOW_31 = 0x7FFFFFFF
_LOW_32 = 0xFFFFFFFF


def labels_by_factor(Q: Tensor) -> Tensor:
    """int32 [K, A]: for each factor the labels by descending value, equal values by ascending
    label.

    Value and label are sorted as one integer, which no two labels share: the order does not depend
    on the sorting algorithm, hence not on the device.

    Args:
        Q: float32 [A, K].
    """
    return torch.from_numpy(sorted_on_host(array(Q))) if _compiled(Q) else sorted_on_device(Q)


def sorted_on_host(Q: np.ndarray) -> np.ndarray:
    """`labels_by_factor` by NumPy, whose sort of integers is vectorised."""
    from vsebench_plugins.ens.ranking_numba import descending_keys, lower_halves

    keys, labels = np.empty(Q.shape[::-1], np.int64), np.empty(Q.shape[::-1], np.int32)
    descending_keys(Q.view(np.int32), keys)
    keys.sort(axis=1)
    lower_halves(keys, labels)
    return labels


def sorted_on_device(Q: Tensor) -> Tensor:
    """`labels_by_factor` by torch operations."""
    bits = (Q.T.contiguous() + 0.0).view(torch.int32)  # −0 becomes 0
    descending = (~(bits ^ ((bits >> 31) & _LOW_31))).long()
    keys = (descending << 32) | torch.arange(Q.shape[0], device=Q.device)
    return (keys.sort(dim=1).values & _LOW_32).int()


def variances(Q: Tensor) -> Tensor:
    """float64 [K]: of each factor over the labels of Q [A, K]."""
    if not _compiled(Q):
        return (Q - Q.mean(0)).square_().mean(0).double()
    from vsebench_plugins.ens.ranking_numba import variances_of

    result = torch.empty(Q.shape[1], dtype=torch.float64)
    variances_of(array(Q), result.numpy())
    return result


def _compiled(Q: Tensor) -> bool:
    return Q.device.type == "cpu" and numba_works()
