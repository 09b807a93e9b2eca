"""Tables of rows that are equally good, reduced to what their comparisons need."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from vsebench.report.statistics.means import MeanSquares

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

IMAGES = 1000


@dataclass(frozen=True)
class Rows:
    """Variances of what makes up one seed's mean, one value a row.

    Attributes:
        seed: of the seed.
        image: of the test images.
        rest: of which images this seed gets right.
    """

    seed: NDArray[np.float64]
    image: NDArray[np.float64]
    rest: NDArray[np.float64]

    def differences(
        self, rng: np.random.Generator, n: int, *, all_pairs: bool = False, shift: float = 0.0
    ) -> list[MeanSquares]:
        """Differences from the first row, or of all pairs, over n seeds of one random table.

        Args:
            rng: what is random.
            n: number of seeds.
            all_pairs: each row with each.
            shift: how much better the last row truly is than the others.
        """
        rows = len(self.seed)
        pairs = (
            list(combinations(range(rows), 2)) if all_pairs else [(0, i) for i in range(1, rows)]
        )
        a, b = np.array(pairs).T
        seeds = rng.normal(size=(n, rows)) * np.sqrt(self.seed + self.rest)
        means = seeds.mean(axis=0) + rng.normal(size=rows) * np.sqrt(self.image)
        means[-1] += shift
        difference = means[b] - means[a]
        by_seed = (seeds[:, b] - seeds[:, a]).var(axis=0, ddof=1)
        rest, image = self.rest[a] + self.rest[b], n * (self.image[a] + self.image[b])
        df = (n - 1) * (IMAGES - 1)
        by_image = (rest + image) * rng.chisquare(IMAGES - 1, len(a)) / (IMAGES - 1)
        rest = rest * rng.chisquare(df, len(a)) / df
        return [
            MeanSquares(mean, n, IMAGES, IMAGES * s, IMAGES * i, IMAGES * r)
            for mean, s, i, r in zip(difference, by_seed, by_image, rest, strict=True)
        ]


def worlds(rows: int) -> dict[str, Rows]:
    """Mixes of variances: what Flickr8k's rows have, in RSUM², and others about them."""

    def mix(seed: float | Sequence[float], image: float = 0.67, scale: float = 1.0) -> Rows:
        each = np.resize(seed, rows).astype(np.float64)
        return Rows(each, np.full(rows, image), np.full(rows, 4.65 * scale))

    return {
        "flickr8k": mix(0.95),
        "no seeds": mix(0),
        "as large as the rest": mix(4.65),
        "no images": mix(4.65, image=0),
        "seeds above all": mix(14, image=0.47),
        "every other row": mix([0, 14], image=0.47),
        "one in four": mix([0.95, 18.6, 0.95, 0.95]),
        "one row": mix([0.95, 46.5, *[0.95] * (rows - 2)]),
        "the reference": mix([46.5, *[0.95] * (rows - 1)]),
    }
