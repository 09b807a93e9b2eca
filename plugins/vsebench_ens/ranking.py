"""Labels ordered by each factor."""

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
    bits = (Q.detach().T.contiguous() + 0.0).view(torch.int32)  # −0 becomes 0
    descending = (~torch.where(bits < 0, bits ^ _LOW_31, bits)).long()
    keys = (descending << 32) | torch.arange(Q.shape[0], device=Q.device)
    if keys.device.type == "cpu":  # NumPy's sort of integers is vectorised
        return torch.from_numpy((np.sort(keys.numpy(), axis=1) & _LOW_32).astype(np.int32))
    return (keys.sort(dim=1).values & _LOW_32).int()
