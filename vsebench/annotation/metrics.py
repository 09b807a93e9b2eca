"""Label-ranking metrics, from the number of negatives that each positive fails to beat."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from vsebench.plugin.metrics import LABEL_DEPTHS, keys
from vsebench.results.reader import PER_IMAGE

if TYPE_CHECKING:
    from vsebench.plugin import Positives
    from vsebench.results.reader import RunReader


@dataclass(frozen=True)
class AnnotationMetrics:
    """Quality of label rankings: means over the images that are ranked, as fractions.

    An image is ranked when it has a positive and a negative. Its ranking holds all labels but those
    known from training; P@K is the share of positives among the first K, R@K the share of the
    positives that are there, `map` the mean over images of average precision over the full ranking,
    `auc` the share of (positive, negative) pairs in the right order, over all negatives. Negatives
    stand before positives of the same score.

    Attributes:
        images: int64 [q], the rows of the images that are ranked.
        per_image: float64 [q] for each metric, for paired tests.
    """

    p_at_5: float
    p_at_10: float
    r_at_5: float
    r_at_10: float
    map: float
    auc: float
    images: np.ndarray = field(repr=False, compare=False)
    per_image: dict[str, np.ndarray] = field(repr=False, compare=False)

    @classmethod
    def from_counts(
        cls, images: np.ndarray, positives: Positives, above: np.ndarray, negatives: np.ndarray
    ) -> AnnotationMetrics:
        """Metrics of q images.

        Args:
            images: int64 [q], their rows.
            positives: positives of these images, at least one of each.
            above: int64 [pairs], negatives of its image that score at least as high as each
                positive, in the order of `positives.labels`.
            negatives: int64 [q], negatives of each image, at least one.
        """
        per_image = _per_image(positives, above, negatives)
        return cls(
            **{name: float(values.mean()) for name, values in per_image.items()},
            images=images,
            per_image=per_image,
        )

    def as_dict(self) -> dict[str, float]:
        """The means by name."""
        return {name: getattr(self, name) for name in keys("annotation")}


def retest(run: RunReader) -> dict[str, float] | None:
    """The test metrics that follow from those of each image that a run left; None where it left
    none.

    Raises:
        VsebenchError: they are damaged.
    """
    values = run.read_arrays(PER_IMAGE)
    return {name: float(found.mean()) for name, found in values.items() if name != "image"} or None


def _per_image(
    positives: Positives, above: np.ndarray, negatives: np.ndarray
) -> dict[str, np.ndarray]:
    starts, counts, row = positives.offsets[:-1], positives.counts, positives.images()
    above = above[np.lexsort((above, row))]  # best positive first, image by image
    nth = np.arange(1, len(above) + 1) - starts[row]
    rank = nth + above
    hits = {
        depth: np.add.reduceat((rank <= depth).astype(np.int64), starts) for depth in LABEL_DEPTHS
    }
    return {
        **{f"p_at_{depth}": found / depth for depth, found in hits.items()},
        **{f"r_at_{depth}": found / counts for depth, found in hits.items()},
        "map": np.add.reduceat(nth / rank, starts) / counts,
        "auc": 1 - np.add.reduceat(above, starts) / (counts * negatives),
    }
