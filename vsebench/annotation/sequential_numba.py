"""SGD, one update after the other (VSE-ens, §3, in the order of its released code: image, positive, negative, each from what the former left)."""

from __future__ import annotations

from typing import Any

import numpy as np

from vsebench.kernels.jit import jit
from vsebench.kernels.negatives_numba import below, fork, score
from vsebench.kernels.prefetch_numba import prefetch_row

_AHEAD = 3  # updates between asking for vectors and using them; which pairs come is known from their numbers

_UPDATES, _LOSS, _VIOLATIONS, _TRIALS, _SKIPPED, _EXHAUSTED = range(6)  # of `TALLIED`


@jit(cache=False)
def train_free(
    draw: Any, pair_loss: Any, tables: Any, steps: Any, seeds: Any, owners: Any, offsets: Any, labels: Any, P: Any, Q: Any, rates: Any, tally: Any
) -> None:
    """Updates of free image vectors P [n, K] and label vectors Q [A, K].

    Args:
        draw: the sampler's law; see `vsebench.plugin.DrawKernel`.
        pair_loss: the loss; see `vsebench.plugin.RankingLoss`.
        tables: the law's.
        steps: the first update's number, and the number after the last.
        seeds: of pairs and of negatives.
        owners: int64 [pairs], the image of each pair.
        offsets: of the positives.
        labels: of the positives.
        P: changed in place.
        Q: changed in place.
        rates: learning rate, and its products with the decays of images and of labels.
        tally: added to; see `vsebench.annotation.engine.TALLIED`.
    """
    ranks, numbers, scratch = tables
    for step in range(steps[0], steps[1]):
        coming = below(fork(fork(seeds[0], step + _AHEAD), 0), labels.shape[0])
        prefetch_row(P, owners[coming])
        prefetch_row(Q, np.int64(labels[coming]))
        pair = below(fork(fork(seeds[0], step), 0), labels.shape[0])
        image, positive = owners[pair], labels[pair]
        vector = P[image]
        negative, trials, weight = draw(image, vector, positive, fork(fork(seeds[1], step), 0), Q, offsets, labels, ranks, numbers, scratch)
        if _found(negative, trials, tally):
            difference = score(vector, Q[positive]) - score(vector, Q[negative])
            loss, slope = pair_loss(difference, weight)
            _count(loss, difference, tally)
            _descend(vector, Q[positive], Q[negative], np.float32(rates[0] * slope), np.float32(rates[1]), np.float32(rates[2]))


@jit(cache=False)
def train_mapped(
    draw: Any, pair_loss: Any, tables: Any, steps: Any, seeds: Any, owners: Any, offsets: Any, labels: Any, X: Any, W: Any, Q: Any, rates: Any, tally: Any
) -> None:
    """As `train_free`, of a map W [d, K] from features X [n, d].

    A step of W moves the image's vector by what it would move a free one, with its gradient times |x|²: labels see the vector after the step here too.
    """
    ranks, numbers, scratch = tables
    vector = np.empty(W.shape[1], W.dtype)
    for step in range(steps[0], steps[1]):
        pair = below(fork(fork(seeds[0], step), 0), labels.shape[0])
        image, positive = owners[pair], labels[pair]
        square = _project(X[image], W, vector)
        negative, trials, weight = draw(image, vector, positive, fork(fork(seeds[1], step), 0), Q, offsets, labels, ranks, numbers, scratch)
        if _found(negative, trials, tally):
            difference = score(vector, Q[positive]) - score(vector, Q[negative])
            loss, slope = pair_loss(difference, weight)
            _count(loss, difference, tally)
            rate = np.float32(rates[0] * slope)
            _descend_map(X[image], W, Q[positive], Q[negative], rate, np.float32(rates[1]))
            _move(vector, Q[positive], Q[negative], rate * square, np.float32(rates[1]))
            _descend_labels(vector, Q[positive], Q[negative], rate, np.float32(rates[2]))


@jit(inline=True)
def _found(negative: int, trials: int, tally: Any) -> bool:
    tally[_UPDATES] += 1
    tally[_TRIALS] += trials
    if negative >= 0:
        return True
    tally[_EXHAUSTED if trials > 0 else _SKIPPED] += 1
    return False


@jit(inline=True)
def _count(loss: float, difference: Any, tally: Any) -> None:
    tally[_LOSS] += loss
    tally[_VIOLATIONS] += 1 if difference < 1 else 0


@jit(fastmath={"contract"})
def _descend(vector: Any, positive: Any, negative: Any, rate: Any, image_decay: Any, label_decay: Any) -> None:
    """One update of three vectors [K]; `rate` is the learning rate times the loss's slope, the decays those times the learning rate."""
    for f in range(vector.shape[0]):
        p, n = positive[f], negative[f]
        v = vector[f] + (rate * (p - n) - image_decay * vector[f])
        vector[f] = v
        positive[f] = p + (rate * v - label_decay * p)
        negative[f] = n - (rate * v + label_decay * n)


@jit(fastmath={"contract"})
def _project(x: Any, W: Any, vector: Any) -> Any:
    """Fills `vector` [K] with x W and returns |x|²."""
    square = np.float32(0)
    vector[:] = 0
    for row in range(x.shape[0]):
        value = x[row]
        square += value * value
        for f in range(vector.shape[0]):
            vector[f] += value * W[row, f]
    return square


@jit(fastmath={"contract"})
def _descend_map(x: Any, W: Any, positive: Any, negative: Any, rate: Any, decay: Any) -> None:
    for row in range(x.shape[0]):
        step = rate * x[row]
        for f in range(W.shape[1]):
            W[row, f] += step * (positive[f] - negative[f]) - decay * W[row, f]


@jit(fastmath={"contract"})
def _move(vector: Any, positive: Any, negative: Any, rate: Any, decay: Any) -> None:
    for f in range(vector.shape[0]):
        vector[f] += rate * (positive[f] - negative[f]) - decay * vector[f]


@jit(fastmath={"contract"})
def _descend_labels(vector: Any, positive: Any, negative: Any, rate: Any, decay: Any) -> None:
    for f in range(vector.shape[0]):
        positive[f] += rate * vector[f] - decay * positive[f]
        negative[f] -= rate * vector[f] + decay * negative[f]
