"""`exact_dot` as one pass over memory: the same products, added in the same order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from vsebench.kernels.jit import jit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Rows = NDArray[np.float32] | NDArray[np.float64]


@jit
def dot_rows(left: Rows, right: Rows, out: NDArray[np.float64]) -> None:
    """Fills `out` [P] with the inner products of the rows of `left` and `right`, [P, D] each, D ≥
    1.
    """
    depth = left.shape[1]
    half = 1
    while 2 * half < depth:
        half *= 2
    sums = np.empty(half, np.float64)
    for row in range(left.shape[0]):
        a, b = left[row], right[row]
        # The first halving is done on the fly; depth ≤ 2 · half.
        for k in range(min(half, depth)):
            sums[k] = np.float64(a[k]) * np.float64(b[k])
        for k in range(half, depth):
            sums[k - half] += np.float64(a[k]) * np.float64(b[k])
        width = half // 2
        while width > 0:
            for k in range(width):
                sums[k] += sums[k + width]
            width //= 2
        out[row] = sums[0]
