"""`exact_dot` as one pass over memory: the same products, added in the same order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from vsebench.kernels.jit import jit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Rows = NDArray[np.float32] | NDArray[np.float64]


@jit
def dot_pairs(
    left: Rows,
    right: Rows,
    left_index: NDArray[np.int64],
    right_index: NDArray[np.int64],
    out: NDArray[np.float64],
) -> None:
    """Fills `out` [P] with the inner products of the rows left_index[p] of `left` [n, D] and
    right_index[p] of `right` [m, D], D ≥ 1.
    """
    depth = left.shape[1]
    half = 1
    while 2 * half < depth:
        half *= 2
    upper = depth - half
    sums = np.empty(half, np.float64)
    for pair in range(len(out)):
        a, b = left[left_index[pair]], right[right_index[pair]]
        # Arrays of their own, since offsets in an index keep a loop from becoming vector
        # instructions.
        a_upper, b_upper = a[half:], b[half:]
        # The first halving is done on the fly; depth ≤ 2 · half.
        for k in range(upper):
            sums[k] = np.float64(a[k]) * np.float64(b[k]) + np.float64(a_upper[k]) * np.float64(
                b_upper[k]
            )
        for k in range(upper, half):
            sums[k] = np.float64(a[k]) * np.float64(b[k])
        width = half // 2
        while width > 0:
            for k in range(width):
                sums[k] += sums[k + width]
            width //= 2
        out[pair] = sums[0]
