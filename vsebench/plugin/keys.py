"""Random numbers that are a function of what they are for, not of when they are drawn.

A key is a path such as `Key(seed) / "augment" / epoch`. Two methods that share a seed see the same index stream, and a resumed run sees what the
uninterrupted one would have seen.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Key:
    """A path of integers and words that names one stream of random numbers."""

    path: tuple[int, ...]

    def __init__(self, *path: int | str) -> None:
        object.__setattr__(self, "path", tuple(zlib.crc32(p.encode()) if isinstance(p, str) else int(p) for p in path))

    def __truediv__(self, part: int | str) -> Key:
        return Key(*self.path, part)

    def generator(self) -> np.random.Generator:
        """A counter-based (Philox) generator for this key."""
        import numpy as np

        return np.random.Generator(np.random.Philox(np.random.SeedSequence(self.path)))

    def seed(self) -> int:
        """A 63-bit seed for generators that take one integer, such as `torch.Generator`."""
        import numpy as np

        return int(np.random.SeedSequence(self.path).generate_state(1, np.uint64)[0] >> np.uint64(1))
