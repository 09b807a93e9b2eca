"""Labels ordered by each factor, and how far each factor spreads them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from torch import Tensor

_LOW_31 = 0x7FFFFFFF
_LOW_32 = 0xFFFFFFFF


def labels_by_factor(Q: Tensor) -> Tensor:
    """int32 [K, A]: for each factor the labels by descending value, equal values by ascending label.

    Value and label are sorted as one integer, which no two labels share: the order does not depend on the sorting algorithm, hence not on the device.

    Args:
        Q: float32 [A, K].
    """
    return torch.from_numpy(sorted_on_host(Q.numpy())) if Q.device.type == "cpu" else sorted_on_device(Q)


def sorted_on_host(Q: np.ndarray) -> np.ndarray:
    """`labels_by_factor` by NumPy, whose sort of integers is vectorised."""
    bits = np.ascontiguousarray(Q.T + np.float32(0)).view(np.int32)  # −0 becomes 0
    bits ^= (bits >> 31) & _LOW_31  # integers in the order of the values
    np.invert(bits, out=bits)
    keys = np.left_shift(bits, 32, dtype=np.int64)
    keys |= np.arange(len(Q))
    keys.sort(axis=1)
    return keys.astype(np.int32)  # the lower half


def sorted_on_device(Q: Tensor) -> Tensor:
    """`labels_by_factor` by torch operations."""
    bits = (Q.T.contiguous() + 0.0).view(torch.int32)
    descending = (~(bits ^ ((bits >> 31) & _LOW_31))).long()
    keys = (descending << 32) | torch.arange(Q.shape[0], device=Q.device)
    return (keys.sort(dim=1).values & _LOW_32).int()


def variances(Q: Tensor) -> Tensor:
    """float64 [K]: of each factor over the labels of Q [A, K], in the precision of Q."""
    return (Q - Q.mean(0)).square_().mean(0).double()
