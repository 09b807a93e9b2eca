"""Random numbers that are a pure function of a seed and of counters.

Nothing is carried from one number to the next, so neither workers, threads nor the order of work
change any of them. The expressions hold for wrapping 64-bit integers, which int64 is in NumPy
arrays, in torch tensors and in numba alike: the one definition below serves all three and gives the
same bits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    Words = TypeVar("Words", np.ndarray, Tensor, int)  # int: inside compiled code

# SplitMix64 (Steele, Lea and Flood, OOPSLA 2014) in signed integers; the masks make arithmetic
# shifts logical.
_GAMMA = -7046029254386353131
_FIRST = -4658895280553007687
_SECOND = -7723592293110705685
_MASK_34 = (1 << 34) - 1
_MASK_37 = (1 << 37) - 1
_MASK_33 = (1 << 33) - 1
_MASK_53 = (1 << 53) - 1

UNIT = 2.0**-53
"""`mantissa(word) * UNIT` is uniform in [0, 1)."""


def fork(stream: Words, counter: Words) -> Words:
    """The stream number `counter` ≥ 0 of a stream; its int64 is also 64 random bits. Python's own
    integers do not wrap, and are no counters.
    """
    word = stream + (counter + 1) * _GAMMA
    word = (word ^ ((word >> 30) & _MASK_34)) * _FIRST
    word = (word ^ ((word >> 27) & _MASK_37)) * _SECOND
    return word ^ ((word >> 31) & _MASK_33)  # type: ignore[no-any-return]  # of a NumPy array


def mantissa(word: Words) -> Words:
    """The upper 53 bits of each word, as integers from 0 to 2⁵³ − 1."""
    return (word >> 11) & _MASK_53


def stream_of(seed: int, *counters: int) -> int:
    """The stream that is reached from a seed by forking at each counter: a signed 64-bit
    integer.
    """
    import numpy as np

    stream = np.array([seed & (2**63 - 1)], np.int64)
    for counter in counters:
        stream = fork(stream, np.array([counter], np.int64))
    return int(stream[0])
