"""The input of samplers: images with few labels, with all but one, with all and with none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from vsebench.plugin import DrawKey, Positives, SamplerState

if TYPE_CHECKING:
    from typing import Any

    from vsebench.plugin import Draws

LABELS, FACTORS = 11, 5
PLAIN, OTHER, ONE_LEFT, EVERY_LABEL, NO_LABEL = 0, 3, 9, 10, 11
LEFT = 4
"""The one label that image `ONE_LEFT` does not have."""

KEY = DrawKey(1, 2)


@dataclass(frozen=True)
class World:
    """Twelve images, eleven labels and their vectors; its `repr` makes it again.

    Attributes:
        seed: of the vectors; the labels of the images are always the same.
    """

    seed: int = 0

    def state(self) -> SamplerState:
        """What a sampler may look at."""
        rng = np.random.default_rng(3)
        few = [rng.choice(LABELS, rng.integers(1, 6), replace=False) for _ in range(9)]
        rows = [*few, np.delete(np.arange(LABELS), LEFT), np.arange(LABELS), np.zeros(0, int)]
        images = np.repeat(np.arange(len(rows)), [len(row) for row in rows])
        positives = Positives.from_pairs(images, np.concatenate(rows), len(rows), LABELS)
        generator = torch.Generator().manual_seed(self.seed)
        spread = torch.tensor([0.3, 1.0, 2.0, 0.1, 0.7])
        return SamplerState(
            0.5 * torch.randn(len(rows), FACTORS, generator=generator),
            torch.randn(LABELS, FACTORS, generator=generator) * spread,
            positives,
        )


def positive_of(state: SamplerState, image: int) -> int:
    """A label of the image; 0 where it has none."""
    row = state.positives.row(image)
    return int(row[0]) if len(row) else 0


def draw(
    sampler: Any, state: SamplerState, image: int, count: int, k: int = 1, key: DrawKey = KEY
) -> Draws:
    """`count` pairs of one image and one label of it, k negatives each."""
    pair = torch.full((count,), image), torch.full((count,), positive_of(state, image))
    drawn: Draws = sampler.sample(state, *pair, k, key)
    return drawn


def ready(sampler: Any, state: SamplerState) -> Any:
    """The sampler, refreshed."""
    sampler.refresh(state)
    return sampler
