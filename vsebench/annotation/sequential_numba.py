"""SGD, one update after the other (VSE-ens, §3, in the order of its released code: image, positive,
negative, each from what the former left).
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from vsebench.kernels.jit import jit
from vsebench.kernels.negatives_numba import below, fork, score
from vsebench.kernels.prefetch_numba import prefetch_row
from vsebench.plugin.sampling import MARGIN, NOTHING

# updates between prefetching vectors and using them; coming pairs are known from their numbers
_AHEAD = 3

_UPDATES, _LOSS, _VIOLATIONS, _TRIALS, _SKIPPED, _EXHAUSTED = range(6)  # of `TALLIED`


@cache
def free_trainer(draw: Any, pair_loss: Any) -> Any:
    """Compiles updates of free image vectors P [n, K] and label vectors Q [A, K] for one sampler
    and one loss.

    Given with every call, the two would cost as much time as twenty updates.

    Args:
        draw: the sampler's law; see `vsebench.plugin.DrawKernel`.
        pair_loss: the loss; see `vsebench.plugin.RankingLoss`.

    Returns:
        A function of the law's tables; of the first update's number and the number after the last;
        of the seeds of pairs and of negatives; of the image of each pair, int64 [pairs]; of the
        positives' offsets and labels; of P and Q, which it changes; of the learning rate and its
        products with the decays of images and of labels; and of a tally to add to
        (`vsebench.annotation.engine.TALLIED`).
    """

    @jit(cache=False)
    def train(
        tables: Any,
        steps: Any,
        seeds: Any,
        owners: Any,
        offsets: Any,
        labels: Any,
        P: Any,
        Q: Any,
        rates: Any,
        tally: Any,
    ) -> None:
        ranks, numbers, scratch = tables
        for step in range(steps[0], steps[1]):
            coming = below(fork(fork(seeds[0], step + _AHEAD), 0), labels.shape[0])
            prefetch_row(P, owners[coming])
            prefetch_row(Q, np.int64(labels[coming]))
            pair = below(fork(fork(seeds[0], step), 0), labels.shape[0])
            image, positive = owners[pair], labels[pair]
            vector = P[image]
            negative, trials, weight = draw(
                image,
                vector,
                positive,
                fork(fork(seeds[1], step), 0),
                Q,
                offsets,
                labels,
                ranks,
                numbers,
                scratch,
            )
            if _found(negative, trials, tally):
                difference = score(vector, Q[positive]) - score(vector, Q[negative])
                loss, slope = pair_loss(difference, weight)
                _count(loss, difference, tally)
                _descend(
                    vector,
                    Q[positive],
                    Q[negative],
                    np.float32(rates[0] * slope),
                    np.float32(rates[1]),
                    np.float32(rates[2]),
                )

    return train


@jit
def pairs_of(seed: int, start: int, end: int, n_pairs: int) -> np.ndarray:
    """int64 [end − start]: the number of each step's pair."""
    numbers = np.empty(end - start, np.int64)
    for step in range(start, end):
        numbers[step - start] = below(fork(fork(seed, step), 0), n_pairs)
    return numbers


@cache
def block_trainer(draw: Any, pair_loss: Any) -> Any:
    """As `free_trainer`, for blocks of B updates of a map W [d, K] from features, without touching
    the map.

    After t updates it is c(t) W + Σ_j s(j, t) x_j ⊗ δ_j, with δ_j the step of update j and c and s
    what the decays have left of each. Image t has the vector c(t) (x_t W) + Σ_j s(j, t) (x_t · x_j)
    δ_j then, which takes the products of the block's features with the map and with each other, and
    no map. A step moves an image's vector by what it would move a free one, with its gradient times
    |x|²: labels see the vector after the step here too.

    Args:
        draw: see `free_trainer`, as is pair_loss.
        pair_loss: see above.

    Returns:
        A function of the law's tables; of the first update's number; of the seed of negatives; of
        the updates' images, int64 [B], and positives, int32 [B]; of the positives' offsets and
        labels; of x_t W [B, K], which it overwrites by s(j, B) δ_j, and x_t · x_j [B, B]; of Q,
        rates and tally as above. It returns c(B).
    """

    @jit(cache=False)
    def train(
        tables: Any,
        start: int,
        seed: int,
        images: Any,
        positives: Any,
        offsets: Any,
        labels: Any,
        block: Any,
        Q: Any,
        rates: Any,
        tally: Any,
    ) -> float:
        ranks, numbers, scratch = tables
        vectors, gram = block
        left = np.float32(1)
        shares = np.zeros(images.shape[0], np.float32)
        kept = np.float32(1) - np.float32(rates[1])
        for t in range(images.shape[0]):
            image, positive, vector = images[t], positives[t], vectors[t]
            _recall(vector, left, gram[t], shares, vectors, t)
            negative, trials, weight = draw(
                image,
                vector,
                positive,
                fork(fork(seed, start + t), 0),
                Q,
                offsets,
                labels,
                ranks,
                numbers,
                scratch,
            )
            if _found(negative, trials, tally):
                difference = score(vector, Q[positive]) - score(vector, Q[negative])
                loss, slope = pair_loss(difference, weight)
                _count(loss, difference, tally)
                rate = np.float32(rates[0] * slope)
                left *= kept
                shares[:t] *= kept
                shares[t] = np.float32(1)
                _descend_mapped(
                    vector,
                    Q[positive],
                    Q[negative],
                    rate,
                    rate * gram[t, t],
                    kept,
                    np.float32(rates[2]),
                )
            else:
                vector[:] = 0
        for t in range(images.shape[0]):
            vectors[t] *= shares[t]
        return float(left)

    return train


@jit(inline=True)
def _found(negative: int, trials: int, tally: Any) -> bool:
    tally[_UPDATES] += 1
    tally[_TRIALS] += trials
    if negative != NOTHING:
        return True
    tally[_EXHAUSTED if trials > 0 else _SKIPPED] += 1
    return False


@jit(inline=True)
def _count(loss: float, difference: Any, tally: Any) -> None:
    tally[_LOSS] += loss
    tally[_VIOLATIONS] += 1 if difference < MARGIN else 0


@jit(fastmath={"contract"})
def _descend(
    vector: Any, positive: Any, negative: Any, rate: Any, image_decay: Any, label_decay: Any
) -> None:
    """One update of three vectors [K]; `rate` is the learning rate times the loss's slope, the
    decays those times the learning rate.
    """
    for f in range(vector.shape[0]):
        p, n = positive[f], negative[f]
        v = vector[f] + (rate * (p - n) - image_decay * vector[f])
        vector[f] = v
        positive[f] = p + (rate * v - label_decay * p)
        negative[f] = n - (rate * v + label_decay * n)


@jit(fastmath={"contract"})
def _recall(vector: Any, left: Any, products: Any, shares: Any, steps: Any, t: int) -> None:
    """The vector [K] of image t from its product with the map as it was and from the t steps
    since.
    """
    for f in range(vector.shape[0]):
        vector[f] *= left
    for j in range(t):
        share = products[j] * shares[j]
        for f in range(vector.shape[0]):
            vector[f] += share * steps[j, f]


@jit(fastmath={"contract"})
def _descend_mapped(
    vector: Any,
    positive: Any,
    negative: Any,
    rate: Any,
    image_rate: Any,
    kept: Any,
    label_decay: Any,
) -> None:
    """One update of two labels; the image's vector, which is not needed any more, becomes the step
    δ.
    """
    for f in range(vector.shape[0]):
        p, n = positive[f], negative[f]
        v = kept * vector[f] + image_rate * (p - n)
        vector[f] = rate * (p - n)
        positive[f] = p + (rate * v - label_decay * p)
        negative[f] = n - (rate * v + label_decay * n)
