"""A gate's looks, simulated run by run."""

from __future__ import annotations

import numpy as np


def failures(runs, critical, reference, gates, shift, margin, *, seed):
    """Whether each of so many gates fails, of runs with deviation 1: bool [gates].

    Args:
        runs: number of new runs at each look.
        critical: critical values of the looks.
        reference: number of reference runs.
        gates: number of gates.
        shift: true difference.
        margin: loss that lets a row pass early once it is refuted.
        seed: seed of the simulation.
    """
    random = np.random.default_rng(seed)
    before = random.standard_normal((gates, reference))
    new = random.standard_normal((gates, runs[-1])) + shift
    mean, deviation = before.mean(1), before.std(1, ddof=1)
    failed, going = np.zeros(gates, bool), np.ones(gates, bool)
    for count, bound in zip(runs, critical, strict=True):
        difference = new[:, :count].mean(1) - mean
        half = bound * deviation * np.sqrt(1 / count + 1 / reference)
        worse, refuted = difference + half < 0, difference - half > -margin
        failed |= going & worse
        going &= ~worse & ~refuted
    return failed
