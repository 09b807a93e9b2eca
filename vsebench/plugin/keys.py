"""Random numbers that are a function of what they are for, not of when they are drawn.

A key is a path such as `Key(seed) / "augment" / epoch`. Two methods that share a seed see the same
index stream, and a resumed run sees what the uninterrupted one would have seen.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


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
