"""Random numbers that depend on their purpose, not on the order in which they are drawn.

A key is a path such as `Key(seed) / "augment" / epoch`. Two methods that share a seed see the same
index stream, and a resumed run sees what the uninterrupted one would have seen.

Compiled loops draw from streams of counters instead (`fork`). Nothing is carried from one number to
the next, so neither workers, threads nor the order of work change any of them. The expressions hold
for wrapping 64-bit integers, which int64 is in NumPy arrays, in torch tensors and in numba alike:
one definition serves all three and gives the same bits.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Key:
    """A path of integers and words that names one stream of random numbers. Different paths have
    independent streams.
    """

    path: tuple[int | str, ...]

    def __init__(self, *path: int | str) -> None:
        object.__setattr__(
            self, "path", tuple(part if isinstance(part, str) else int(part) for part in path)
        )

    def __truediv__(self, part: int | str) -> Key:
        return Key(*self.path, part)

    def generator(self) -> np.random.Generator:
        """A counter-based (Philox) generator for this key."""
        import numpy as np

        return np.random.Generator(np.random.Philox(np.random.SeedSequence(self._entropy())))

    def seed(self) -> int:
        """A 63-bit seed for generators that take one integer, such as `torch.Generator`."""
        return self._entropy() >> 65

    def _entropy(self) -> int:
        """128 bits of the path's hash: `SeedSequence` itself does not tell a path from the same
        path with a 0 behind it.
        """
        return int.from_bytes(
            hashlib.blake2b(repr(self.path).encode(), digest_size=16).digest(), "big"
        )


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
