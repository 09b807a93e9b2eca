"""Retrieval metrics, from ranks."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from vsebench.plugin.metrics import FOLD, IN_FOLDS, RECALL_DEPTHS
from vsebench.results.reader import FOLD_RANKS, RANKS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vsebench.results.reader import RunReader


class Ranks(NamedTuple):
    """Ranks from 0, int64: `image` [n] of each image's best caption, `text` [m] of each caption's
    image.
    """

    image: np.ndarray
    text: np.ndarray


@dataclass(frozen=True)
class RetrievalMetrics:
    """Retrieval quality in both directions; `i2t` is image to text, `t2i` text to image.

    R@K is any-hit, as everywhere in this field: the percentage of queries with a match among their
    K best. MedR and MeanR are the median (rounded down) and the mean of the ranks, from 1, of the
    best match. `rsum` is the sum of the six recalls. With folds, every metric is the mean over
    folds.

    Attributes:
        i2t_ranks: int64 [images], how many captions of other images score at least as high as the
            image's best caption.
        t2i_ranks: int64 [captions], how many other images score at least as high as the caption's
            own.
    """

    i2t_r1: float
    i2t_r5: float
    i2t_r10: float
    t2i_r1: float
    t2i_r5: float
    t2i_r10: float
    rsum: float
    i2t_medr: float
    t2i_medr: float
    i2t_meanr: float
    t2i_meanr: float
    i2t_ranks: np.ndarray = field(repr=False, compare=False)
    t2i_ranks: np.ndarray = field(repr=False, compare=False)

    @classmethod
    def from_ranks(cls, ranks: Ranks, folds: Sequence[Ranks] = ()) -> RetrievalMetrics:
        """Metrics of all queries, or means over folds of them.

        Args:
            ranks: ranks of every query.
            folds: the same ranks by fold, where metrics are averaged.
        """
        each = [
            {**_of_direction("i2t", fold.image), **_of_direction("t2i", fold.text)}
            for fold in folds or (ranks,)
        ]
        mean = {name: float(np.mean([metrics[name] for metrics in each])) for name in each[0]}
        rsum = sum(
            mean[f"{direction}_r{depth}"] for direction in ("i2t", "t2i") for depth in RECALL_DEPTHS
        )
        return cls(**mean, rsum=rsum, i2t_ranks=ranks.image, t2i_ranks=ranks.text)

    @classmethod
    def of_galleries(cls, galleries: Sequence[RetrievalMetrics]) -> RetrievalMetrics:
        """The metrics of all queries of several galleries, each ranked within its own."""
        return cls.from_ranks(
            Ranks(
                np.concatenate([each.i2t_ranks for each in galleries]),
                np.concatenate([each.t2i_ranks for each in galleries]),
            )
        )

    def in_folds(self) -> dict[str, float]:
        """These metrics, taken within folds, by the keys of rows."""
        return {metric.key: getattr(self, key) for key, metric in IN_FOLDS.items()}

    def as_dict(self) -> dict[str, float]:
        """The metrics without the ranks."""
        return {
            item.name: getattr(self, item.name)
            for item in fields(self)
            if not item.name.endswith("_ranks")
        }


def retest(run: RunReader) -> dict[str, float] | None:
    """The test metrics that follow from the ranks that a run left; None where it left none.

    Raises:
        VsebenchError: the ranks are damaged.
    """
    if not run.holds(RANKS):
        return None
    found = RetrievalMetrics.from_ranks(Ranks(*run.read_ranks())).as_dict()
    arrays = run.read_arrays(RANKS)
    if not arrays.keys() >= {"text_to_image", *FOLD_RANKS}:
        return found
    i2t, t2i = (arrays[key] for key in FOLD_RANKS)
    return found | of_folds(i2t, t2i, arrays["text_to_image"])


def of_folds(i2t: np.ndarray, t2i: np.ndarray, text_to_image: np.ndarray) -> dict[str, float]:
    """Means over folds of 1,000 images, by the keys of rows.

    Args:
        i2t: rank of each image's best caption within its fold [n], from 0.
        t2i: rank of each caption's image within its fold [m].
        text_to_image: image of each caption [m].
    """
    fold = text_to_image // FOLD
    folds = [
        Ranks(i2t[start : start + FOLD], t2i[fold == start // FOLD])
        for start in range(0, len(i2t), FOLD)
    ]
    return RetrievalMetrics.from_ranks(Ranks(i2t, t2i), folds).in_folds()


def _of_direction(name: str, ranks: np.ndarray) -> dict[str, float]:
    recalls = {f"{name}_r{depth}": 100 * float(np.mean(ranks < depth)) for depth in RECALL_DEPTHS}
    return {
        **recalls,
        f"{name}_medr": float(np.floor(np.median(ranks)) + 1),
        f"{name}_meanr": float(np.mean(ranks) + 1),
    }
