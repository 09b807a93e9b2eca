"""Labels ordered by each factor, and the variance of each factor over labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from vsebench.kernels.compiled import array, numba_works

if TYPE_CHECKING:
    from torch import Tensor

_LOW_31 = 0x7FFFFFFF
_LOW_32 = 0xFFFFFFFF


def labels_by_factor(Q: Tensor, ends: int | None = None) -> Tensor:
    """int32 [K, A]: for each factor the labels by descending value, equal values by ascending
    label.

    Value and label are sorted as one integer, which no two labels share: the order does not depend
    on the sorting algorithm, hence not on the device.

    Args:
        Q: float32 [A, K].
        ends: labels to keep at either end of each order, [K, 2 · ends] then; all where there are no
            more than twice as many.
    """
    ends = None if ends is None or 2 * ends >= len(Q) else ends
    if not _compiled(Q):
        labels = sorted_on_device(Q)
        return labels if ends is None else torch.cat([labels[:, :ends], labels[:, -ends:]], dim=1)
    values = array(Q)
    found = None if ends is None else ends_on_host(values, ends)
    if found is None:
        found = sorted_on_host(values)
        found = found if ends is None else np.hstack([found[:, :ends], found[:, -ends:]])
    return torch.from_numpy(found)


def sorted_on_host(Q: np.ndarray) -> np.ndarray:
    """`labels_by_factor` by NumPy, whose sort of integers is vectorised."""
    from vsebench_plugins.ens.ranking_numba import descending_keys, lower_halves

    keys, labels = np.empty(Q.shape[::-1], np.int64), np.empty(Q.shape[::-1], np.int32)
    descending_keys(Q.view(np.int32), keys)
    keys.sort(axis=1)
    lower_halves(keys, labels)
    return labels


def ends_on_host(Q: np.ndarray, ends: int) -> np.ndarray | None:
    """The ends of `labels_by_factor`, in half the time: the upper bits of the values are sorted, in
    32 bits with their labels, and labels of one key are put in order where they stand at an end.

    Returns:
        The labels int32 [K, 2 · ends]; None where so many share a key that this does not pay.
    """
    from vsebench_plugins.ens.ranking_numba import settled_ends, short_keys

    keys, labels = np.empty(Q.shape[::-1], np.int32), np.empty((Q.shape[1], 2 * ends), np.int32)
    bits, width = Q.view(np.int32), (len(Q) - 1).bit_length()
    short_keys(bits, width, keys)
    keys.sort(axis=1)
    return labels if settled_ends(keys, bits, width, labels) else None


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
