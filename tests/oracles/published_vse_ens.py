"""VSE-ens as published, step by step, in loops that numba can compile: the plain opponent of the
fast engine.

Every draw, redraws of positives included, builds an alias table over all ranks and one over the
factors, as the released code does, and every refresh sorts each factor's labels in full. What is
wrong in that code is right here: ranks are not rounded to a staircase, and no label or factor is
out of reach.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np


def build_alias(mass: Any, chance: Any, alias: Any, small: Any, large: Any) -> None:
    """Vose's tables for weights `mass` [m]."""
    size = mass.shape[0]
    total = 0.0
    for i in range(size):
        total += mass[i]
    smalls = larges = 0
    for i in range(size):
        chance[i] = mass[i] * size / total
        alias[i] = i
        if chance[i] < 1:
            small[smalls] = i
            smalls += 1
        else:
            large[larges] = i
            larges += 1
    while smalls > 0 and larges > 0:
        smalls -= 1
        less, more = small[smalls], large[larges - 1]
        alias[less] = more
        chance[more] -= 1 - chance[less]
        if chance[more] < 1:
            larges -= 1
            small[smalls] = more
            smalls += 1


def draw_alias(chance: Any, alias: Any) -> int:
    i = np.random.randint(0, chance.shape[0])  # noqa: NPY002  # numba's generator
    return i if np.random.random() < chance[i] else alias[i]  # noqa: NPY002


def refresh(Q: Any, ranks: Any, spreads: Any) -> None:
    """Labels by factor, largest first, and the factors' deviations."""
    for f in range(Q.shape[1]):
        column = Q[:, f].copy()
        ranks[f] = np.argsort(-column)
        spreads[f] = column.std()


def train(
    updates: int, owners: Any, positives: Any, P: Any, Q: Any, scale: float, lr: float, l2: float
) -> None:
    """SGD on random pairs; image i has the labels `positives[i]`, −1 where it has fewer."""
    n_labels, dim = Q.shape
    ranks, spreads = np.empty((dim, n_labels), np.int64), np.empty(dim)
    rank_mass, factor_mass = np.empty(n_labels), np.empty(dim)
    chance, alias = np.empty(n_labels), np.empty(n_labels, np.int64)
    factor_chance, factor_alias = np.empty(dim), np.empty(dim, np.int64)
    size = max(n_labels, dim)
    small, large = np.empty(size, np.int64), np.empty(size, np.int64)
    interval = int(n_labels * math.log(n_labels))
    for r in range(n_labels):
        rank_mass[r] = math.exp(-r / scale)
    for update in range(updates):
        if update % interval == 0:
            refresh(Q, ranks, spreads)
        image = owners[np.random.randint(0, owners.shape[0])]  # noqa: NPY002
        own = positives[image]
        count = 0
        while count < own.shape[0] and own[count] >= 0:
            count += 1
        positive = own[np.random.randint(0, count)]  # noqa: NPY002
        for f in range(dim):
            factor_mass[f] = abs(P[image, f]) * spreads[f]
        while True:
            build_alias(rank_mass, chance, alias, small, large)
            build_alias(factor_mass, factor_chance, factor_alias, small, large)
            rank, factor = draw_alias(chance, alias), draw_alias(factor_chance, factor_alias)
            negative = ranks[factor, rank if P[image, factor] > 0 else n_labels - 1 - rank]
            known = False
            for t in range(count):
                known = known or own[t] == negative
            if not known:
                break
        difference = 0.0
        for f in range(dim):
            difference += P[image, f] * Q[positive, f] - P[image, f] * Q[negative, f]
        g = 1.0 if difference <= 1 else 0.0
        for f in range(dim):
            P[image, f] += lr * (g * (Q[positive, f] - Q[negative, f]) - l2 * P[image, f])
        for f in range(dim):
            Q[positive, f] += lr * (g * P[image, f] - l2 * Q[positive, f])
        for f in range(dim):
            Q[negative, f] += lr * (-g * P[image, f] - l2 * Q[negative, f])
