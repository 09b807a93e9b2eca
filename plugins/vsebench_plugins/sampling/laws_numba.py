"""The laws of this plugin's samplers as compiled functions; see `vsebench.plugin.DrawKernel`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from vsebench.kernels.jit import jit
from vsebench.kernels.negatives_numba import below, fork, free_labels, nth_negative, score, unit
from vsebench.kernels.prefetch_numba import prefetch_row
from vsebench.plugin import NOTHING

if TYPE_CHECKING:
    from vsebench.kernels.negatives_numba import Labels, Numbers, Offsets, Vectors

    Found = tuple[int, int, float]

_AHEAD = 4  # trials between prefetching a label's vector and scoring it
_PASS = 8  # WARP tries a share of 1 / 8 of the labels before it scores them all


def warp_scratch(n_labels: int) -> int:
    """Numbers of scratch that `warp` needs."""
    return max(n_labels, _AHEAD)


@jit(inline=True)
def uniform(
    image: int,
    vector: Vectors,
    positive: int,
    stream: int,
    Q: Vectors,
    offsets: Offsets,
    labels: Labels,
    ranks: Labels,
    numbers: Numbers,
    scratch: Numbers,
) -> Found:
    """The label whose rank among the image's negatives is uniform."""
    free = free_labels(image, offsets, Q.shape[0])
    if free == 0:
        return NOTHING, 0, 1.0
    return nth_negative(image, below(stream, free), offsets, labels), 1, 1.0


@jit(inline=True)
def popularity(
    image: int,
    vector: Vectors,
    positive: int,
    stream: int,
    Q: Vectors,
    offsets: Offsets,
    labels: Labels,
    ranks: Labels,
    numbers: Numbers,
    scratch: Numbers,
) -> Found:
    """Inverts the cumulative weights, `numbers` [A + 1], with the image's positives cut out."""
    n_labels = Q.shape[0]
    if free_labels(image, offsets, Q.shape[0]) == 0:
        return NOTHING, 0, 1.0
    mass = numbers[n_labels]
    for t in range(offsets[image], offsets[image + 1]):
        mass -= numbers[labels[t] + 1] - numbers[labels[t]]
    level = np.floor(unit(stream) * mass)
    for t in range(offsets[image], offsets[image + 1]):
        if numbers[labels[t]] > level:
            break
        level += numbers[labels[t] + 1] - numbers[labels[t]]
    low, high = 0, n_labels
    while high - low > 1:
        middle = (low + high) >> 1
        if numbers[middle] <= level:
            low = middle
        else:
            high = middle
    return low, 1, 1.0


@jit(inline=True)
def warp(
    image: int,
    vector: Vectors,
    positive: int,
    stream: int,
    Q: Vectors,
    offsets: Offsets,
    labels: Labels,
    ranks: Labels,
    numbers: Numbers,
    scratch: Numbers,
) -> Found:
    """Uniform trials until the margin `numbers[0]` is violated, at most `numbers[1]`; `numbers[2 +
    r]` is the weight of rank r.

    Where more than A / 2 are allowed, one pass over all labels, in the order of memory, follows A /
    8 trials, and costs no more than those did. It tells whether any negative violates the margin,
    so that an image without such takes no more trials, and spares the others the scores. What is
    found is the same.
    """
    n_labels = Q.shape[0]
    free = free_labels(image, offsets, Q.shape[0])
    if free == 0:
        return NOTHING, 0, 1.0
    threshold = score(vector, Q[positive]) - np.float32(numbers[0])
    limit = int(numbers[1])
    first = n_labels // _PASS + 1 if 2 * limit > n_labels else limit
    for trial in range(min(_AHEAD, first)):
        scratch[trial] = _candidate(image, stream, trial, Q, offsets, labels, free)
    for trial in range(first):
        label = int(scratch[trial % _AHEAD])
        scratch[trial % _AHEAD] = _candidate(
            image, stream, trial + _AHEAD, Q, offsets, labels, free
        )
        if score(vector, Q[label]) > threshold:
            return label, trial + 1, numbers[2 + (n_labels - 1) // (trial + 1)]
    if first < limit and _any_above(threshold, image, vector, Q, offsets, labels, scratch):
        for trial in range(first, limit):
            label = nth_negative(image, below(fork(stream, trial), free), offsets, labels)
            if scratch[label] > threshold:
                return label, trial + 1, numbers[2 + (n_labels - 1) // (trial + 1)]
    return NOTHING, limit, 1.0


@jit(inline=True)
def _any_above(
    threshold: np.float32,
    image: int,
    vector: Vectors,
    Q: Vectors,
    offsets: Offsets,
    labels: Labels,
    scratch: Numbers,
) -> bool:
    """Fills `scratch` with the scores of all labels, and says whether a negative's is above the
    threshold.
    """
    for label in range(Q.shape[0]):
        scratch[label] = score(vector, Q[label])
    for t in range(offsets[image], offsets[image + 1]):
        scratch[labels[t]] = -np.inf
    above = 0
    for label in range(Q.shape[0]):
        above += 1 if scratch[label] > threshold else 0
    return above > 0


@jit(inline=True)
def _candidate(
    image: int, stream: int, trial: int, Q: Vectors, offsets: Offsets, labels: Labels, free: int
) -> int:
    """The uniform negative of a trial; prefetches its vector."""
    label = nth_negative(image, below(fork(stream, trial), free), offsets, labels)
    prefetch_row(Q, np.int64(label))
    return label


@jit(inline=True)
def dns(
    image: int,
    vector: Vectors,
    positive: int,
    stream: int,
    Q: Vectors,
    offsets: Offsets,
    labels: Labels,
    ranks: Labels,
    numbers: Numbers,
    scratch: Numbers,
) -> Found:
    """One of the best m = `numbers[1]` of n = `numbers[0]` uniform candidates; `scratch` [2m] holds
    their scores and labels, best first.
    """
    free = free_labels(image, offsets, Q.shape[0])
    if free == 0:
        return NOTHING, 0, 1.0
    n, m = int(numbers[0]), int(numbers[1])
    if m == 1:
        return _best(image, vector, stream, Q, offsets, labels, scratch, free, n), n, 1.0
    kept = 0
    for trial in range(n):
        label = nth_negative(image, below(fork(stream, trial), free), offsets, labels)
        value = score(vector, Q[label])
        if kept == m and not value > scratch[m - 1]:
            continue
        place = min(kept, m - 1)
        while place > 0 and value > scratch[place - 1]:
            scratch[place], scratch[m + place] = scratch[place - 1], scratch[m + place - 1]
            place -= 1
        scratch[place], scratch[m + place] = value, label
        kept = min(kept + 1, m)
    return int(scratch[m + below(fork(stream, n), m)]), n, 1.0


@jit(inline=True)
def _best(
    image: int,
    vector: Vectors,
    stream: int,
    Q: Vectors,
    offsets: Offsets,
    labels: Labels,
    scratch: Numbers,
    free: int,
    n: int,
) -> int:
    """The first of the best of n uniform candidates: `dns` of m = 1 at half its price."""
    for trial in range(n):
        scratch[trial] = _candidate(image, stream, trial, Q, offsets, labels, free)
    best = int(scratch[0])
    best_value = score(vector, Q[best])
    for trial in range(1, n):
        label = int(scratch[trial])
        value = score(vector, Q[label])
        if value > best_value:
            best, best_value = label, value
    return best


@jit(inline=True)
def softmax(
    image: int,
    vector: Vectors,
    positive: int,
    stream: int,
    Q: Vectors,
    offsets: Offsets,
    labels: Labels,
    ranks: Labels,
    numbers: Numbers,
    scratch: Numbers,
) -> Found:
    """Inverts the cumulative softmax, at temperature `numbers[0]`, of the scores of all negatives;
    `scratch` [A].
    """
    n_labels = Q.shape[0]
    if free_labels(image, offsets, Q.shape[0]) == 0:
        return NOTHING, 0, 1.0
    for label in range(n_labels):
        scratch[label] = score(vector, Q[label])
    for t in range(offsets[image], offsets[image + 1]):
        scratch[labels[t]] = -np.inf
    best, total = scratch.max(), 0.0
    for label in range(n_labels):
        total += np.exp((scratch[label] - best) / numbers[0])
        scratch[label] = total
    level = unit(stream) * total
    low, high = 0, n_labels - 1
    while low < high:
        middle = (low + high) >> 1
        if scratch[middle] > level:
            high = middle
        else:
            low = middle + 1
    return low, n_labels, 1.0
