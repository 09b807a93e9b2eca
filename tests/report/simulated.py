"""Tables of seeds by images whose truth is known."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Table(NamedTuple):
    """A simulated table.

    Attributes:
        values: what each image contributed under each seed, float64 [seeds, images].
        truth: mean over all seeds and all images that there could be.
        on_split: mean over all seeds on these images.
    """

    values: NDArray[np.float64]
    truth: float
    on_split: float


@dataclass(frozen=True)
class World:
    """Standard deviations of RSUM's parts; the deviations of a table's mean do not depend on how
    many images carry them.

    Attributes:
        seed: of the seed.
        image: of the test images.
        rest: of which images a seed gets right.
    """

    seed: float
    image: float
    rest: float

    def table(self, rng: np.random.Generator, n: int, images: int = 200) -> Table:
        """A table around a true mean of 0."""
        root = math.sqrt(images)
        of_images = root * self.image * rng.normal(size=(1, images))
        values = (
            self.seed * rng.normal(size=(n, 1))
            + of_images
            + root * self.rest * rng.normal(size=(n, images))
        )
        return Table(values, 0.0, float(of_images.mean()))


class Hits:
    """A recall: hard images are found by few seeds, easy ones by nearly all, none by half a hit."""

    def table(self, rng: np.random.Generator, n: int, images: int = 200) -> Table:
        """A table of 0 and 100 around a true mean of 40."""
        share = rng.beta(0.4, 0.6, size=images)
        values = 100.0 * (rng.random((n, images)) < share)
        return Table(values, 40.0, float(100 * share.mean()))


ROW = World(seed=0.5, image=5.1, rest=2.9)
"""A row's RSUM, as measured on Flickr8k's 1,000 test images."""

DIFFERENCE = World(seed=1.4, image=1.16, rest=3.05)
"""The difference of two of its rows, paired by seed."""
