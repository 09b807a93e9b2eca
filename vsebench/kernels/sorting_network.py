"""Sorting networks: fixed sequences of compare-exchanges, which sort many columns at once with
SIMD.
"""

from __future__ import annotations

import functools

import numpy as np

LIMIT = 256
"""Largest number of rows that `networks` sorts."""


def odd_even_mergesort(size: int) -> list[tuple[int, int]]:
    """Batcher's network (AFIPS 1968) for `size` rows, a power of two: pairs (i, j), i < j, whose
    values are to be put in order.

    It also sorts any n < size rows when the pairs with j >= n are left out: the absent rows would
    never move.
    """
    pairs: list[tuple[int, int]] = []
    run = 1
    while run < size:
        step = run
        while step:
            for low in range(step % run, size - step, 2 * step):
                high = min(low + step, size - step)
                pairs += [
                    (i, i + step)
                    for i in range(low, high)
                    if i // (2 * run) == (i + step) // (2 * run)
                ]
            step //= 2
        run *= 2
    return pairs


@functools.cache
def networks() -> tuple[np.ndarray, np.ndarray]:
    """Networks for 2, 4, …, `LIMIT` rows: all their pairs, uint8 [P, 2], and where each starts,
    uint64 [9].

    Network c, for 2^(c + 1) rows, is `pairs[start[c]:start[c + 1]]`.
    """
    parts = [odd_even_mergesort(2**c) for c in range(1, LIMIT.bit_length())]
    start = np.cumsum([0, *(len(part) for part in parts)])
    return np.array([pair for part in parts for pair in part], dtype=np.uint8), start.astype(
        np.uint64
    )
