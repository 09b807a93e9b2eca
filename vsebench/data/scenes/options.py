"""Options of the procedural scenes, and the unit in which they are generated."""

from __future__ import annotations

from dataclasses import dataclass

from vsebench.plugin import Key

BLOCK = 128
"""Images generated together. Random numbers belong to a block, so what an image is does not depend
on how many are asked for or held in memory.
"""

CAPTIONS = 5
"""Captions of an image."""


@dataclass(frozen=True)
class Options:
    """What a user may choose.

    Attributes:
        images: training images.
        regions: most regions of an image.
        dim: width of a region vector.
        difficulty: 1 is the tuned setting; 0 has no noise, no clutter and no overlap.
        seed: seed of everything but the world.
    """

    images: int = 3000
    regions: int = 36
    dim: int = 96
    difficulty: float = 1.0
    seed: int = 0

    @property
    def sizes(self) -> dict[str, int]:
        """Images of each split."""
        held_out = min(max(self.images // 5, 100), 1000)
        return {"train": self.images, "dev": held_out, "test": held_out}

    def key(self, split: str, block: int) -> Key:
        """The random numbers of one block."""
        return Key("scenes", self.seed) / split / block
