"""The random words of samplers: one definition for Python, NumPy, torch and numba."""

from __future__ import annotations

import numpy as np
import torch
from scipy.stats import chisquare, kstest

from vsebench.kernels.negatives import below, unit
from vsebench.kernels.negatives_numba import below as compiled_below
from vsebench.kernels.negatives_numba import fork as compiled_fork
from vsebench.kernels.negatives_numba import unit as compiled_unit
from vsebench.plugin import DrawKey, Key
from vsebench.plugin.keys import fork, stream_of

WRAP = 2**64


def split_mix(state: int) -> int:
    """The output function of SplitMix64, in Python's integers, as published."""
    z = state
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) % WRAP
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) % WRAP
    return z ^ (z >> 31)


def signed(word: int) -> int:
    return word - WRAP if word >= WRAP // 2 else word


def test_the_published_generator() -> None:
    """The first outputs for seed 1234567 as in the reference implementation's test vector."""
    words = [int(stream_of(1234567, t)) % WRAP for t in range(3)]
    assert words == [6457827717110365317, 3203168211198807973, 9817491932198370423]


def test_every_form_gives_the_same_bits() -> None:
    streams = np.random.default_rng(0).integers(-(2**63), 2**63 - 1, 200, endpoint=True)
    counters = np.arange(200)
    expected = [
        signed(split_mix((int(s) + (int(c) + 1) * 0x9E3779B97F4A7C15) % WRAP))
        for s, c in zip(streams, counters, strict=True)
    ]
    assert fork(streams, counters).tolist() == expected
    assert fork(torch.from_numpy(streams), torch.from_numpy(counters)).tolist() == expected
    assert [compiled_fork(s, c) for s, c in zip(streams, counters, strict=True)] == expected
    words = torch.tensor(expected)
    assert unit(words).tolist() == [compiled_unit(w) for w in expected]
    assert below(words, 1000).tolist() == [compiled_below(w, 1000) for w in expected]


def test_numbers_are_uniform_over_streams_and_along_one() -> None:
    base = torch.tensor(stream_of(0, 0))
    along = unit(fork(base, torch.arange(20_000)))
    across = unit(fork(fork(base, torch.arange(20_000)), torch.zeros(20_000, dtype=torch.int64)))
    for numbers in (along, across):
        assert kstest(numbers.numpy(), "uniform").pvalue > 1e-3
    assert abs(np.corrcoef(along[:-1], along[1:])[0, 1]) < 0.03
    assert chisquare(np.bincount(below(fork(base, torch.arange(20_000)), 7).numpy())).pvalue > 1e-3


def test_a_largest_word_stays_below() -> None:
    largest = torch.tensor([-1])  # all bits set
    for size in (1, 3, 2**31, 2**40):
        assert below(largest, size).item() == compiled_below(-1, size) == size - 1


def test_keys_name_streams() -> None:
    key = Key(0) / "draws"
    assert DrawKey.of(key, 3) == DrawKey(key.seed(), 3)
    streams = {DrawKey(seed, step).stream for seed in range(30) for step in range(30)}
    assert len(streams) == 900
