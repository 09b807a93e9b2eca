"""What each test image contributed to the metrics of a run, held as what was counted: tables of ten
thousand runs need a metric of a few of them at a time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from vsebench.plugin.metrics import FOLD, IN_FOLDS, RECALL_DEPTHS, RECALLS
from vsebench.results.reader import FOLD_RANKS, PER_IMAGE, RANKS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from vsebench.results.reader import RunReader
    from vsebench.results.record import RunRecord

    Floats = NDArray[np.float64]

_RELATIVE, _ABSOLUTE = 1e-5, 1e-8
"""How far a mean over images may be from the metric: by rounding alone."""

_BEYOND = np.searchsorted(RECALL_DEPTHS, np.arange(RECALL_DEPTHS[-1] + 1), side="right")
"""How many depths a rank is beyond, up to the largest depth."""

_DEPTHS = np.array(RECALL_DEPTHS)[:, None]

_ADDED = (0, 3, 1, 4, 2, 5)
"""The recalls in the order in which RSUM adds them up: depth by depth."""

_PARTS: Mapping[str, Sequence[int]] = {
    **{key: (place,) for place, key in enumerate(RECALLS)},
    "rsum": _ADDED,
}
"""Places of the parts of each metric."""


class Contributions(Mapping[str, "NDArray[np.float64]"]):
    """What each test image contributed, by metric, float64 [images].

    A metric is the sum of one part or of several, as RSUM is of six.

    Attributes:
        images: how many test images.
    """

    def __init__(
        self,
        numbers: NDArray[np.number],
        weights: Floats,
        parts: Mapping[str, Sequence[int]],
    ) -> None:
        """Holds them.

        Args:
            numbers: what was counted, [parts, images].
            weights: what one of it stands for, float64 [parts, 1] or [parts, images].
            parts: places of the parts of each metric.
        """
        self._numbers, self._weights, self._parts = numbers, weights, parts
        self.images = numbers.shape[1]

    @classmethod
    def of_values(cls, values: Mapping[str, NDArray[np.floating]]) -> Contributions:
        """Those of metrics that share nothing; all of one number of images."""
        return cls(
            np.stack([*values.values()]),
            np.ones((len(values), 1)),
            {key: (place,) for place, key in enumerate(values)},
        )

    def __getitem__(self, key: str) -> Floats:
        found: Floats = self.stacked([self], key)[0]
        return found

    def __contains__(self, key: object) -> bool:
        return key in self._parts

    def __iter__(self) -> Iterator[str]:
        return iter(self._parts)

    def __len__(self) -> int:
        return len(self._parts)

    def of_record(self, record: RunRecord) -> Contributions:
        """Those whose mean is the metric of a record, so that no error is computed from other
        numbers than the mean beside it.
        """
        totals = np.add.reduce(self._numbers * self._weights, axis=1).tolist()
        parts = {
            key: places
            for key, places in self._parts.items()
            if key in record.test
            and _close(sum(totals[i] for i in places) / self.images, record.test[key])
        }
        if len(parts) == len(self._parts):  # of ten thousand runs, one for all
            return self
        return Contributions(self._numbers, self._weights, parts)

    @staticmethod
    def stacked(held: Sequence[Contributions], key: str) -> Floats:
        """Those of several runs to a metric, [runs, images]; all have it, of as many images."""
        places = held[0]._parts[key]
        if any(each._parts[key] != places for each in held):
            return np.array([each[key] for each in held])
        total: Floats | None = None
        weights = [each._weights for each in held]
        if all(each is weights[0] for each in weights):
            weights = weights[:1]
        for place in places:
            numbers = [each._numbers[place] for each in held]
            part = np.concatenate(numbers, dtype=np.float64).reshape(len(held), -1)
            part *= np.array([each[place] for each in weights])
            total = part if total is None else np.add(total, part, out=total)
        assert total is not None
        return total


NONE = Contributions(np.empty((0, 0)), np.empty((0, 1)), {})
"""Of a run of which it is not known."""


def contributions(record: RunRecord, reader: RunReader) -> Contributions:
    """What each test image contributed to the metrics of a run; nothing where it left neither ranks
    nor values by image.

    Raises:
        VsebenchError: the file is damaged.
    """
    ranks = reader.read_arrays(RANKS)
    if ranks:
        return recalls(ranks).of_record(record)
    found = reader.read_arrays(PER_IMAGE)
    values = {key: values for key, values in found.items() if key in record.test}
    return Contributions.of_values(values).of_record(record) if values else NONE


def recalls(ranks: Mapping[str, NDArray[np.integer]]) -> Contributions:
    """Recalls in per cent and their sum. An image's share of a recall over captions is that of its
    own captions, weighted so that the mean over images is the mean over captions.

    Args:
        ranks: `i2t` [n] and `t2i` [m], 0 for the top, and `text_to_image` [m]. Records without the
            last are of data sets that list as many captions for each image, image by image. Those
            within folds, `i2t_1k` and `t2i_1k`, where they were taken.
    """
    i2t, t2i = ranks["i2t"], ranks["t2i"]
    images, captions = len(i2t), len(t2i)
    if "text_to_image" in ranks:
        owners = ranks["text_to_image"]
    elif captions % images == 0:
        owners = np.repeat(np.arange(images), captions // images)
    else:
        return NONE
    numbers = _hits(i2t, t2i, owners)
    weights = _weights(images, captions)
    if not ranks.keys() >= set(FOLD_RANKS):
        return Contributions(numbers, weights, _PARTS)
    i2t_in_folds, t2i_in_folds = FOLD_RANKS
    # a fold counts as much as any other, whatever the number of its captions
    captions_of = np.repeat(np.bincount(owners // FOLD), FOLD)
    within = np.repeat([np.full(images, 100.0), 100 * FOLD / captions_of], len(RECALL_DEPTHS), 0)
    within_folds = {
        IN_FOLDS[key].key: [place + len(RECALLS) for place in places]
        for key, places in _PARTS.items()
    }
    return Contributions(
        np.concatenate([numbers, _hits(ranks[i2t_in_folds], ranks[t2i_in_folds], owners)]),
        np.concatenate([np.broadcast_to(weights, within.shape), within]),
        {**_PARTS, **within_folds},
    )


@lru_cache
def _weights(images: int, captions: int) -> Floats:
    """Those of recalls, [parts, 1]: one object for all runs of a data set."""
    return np.repeat([[100.0], [100 * images / captions]], len(RECALL_DEPTHS), axis=0)


def _hits(
    i2t: NDArray[np.integer], t2i: NDArray[np.integer], owners: NDArray[np.integer]
) -> NDArray[np.unsignedinteger]:
    """How many ranks of an image are among the first of each depth: its own, then those of its
    captions; [2 · depths, images].
    """
    images, depths = len(i2t), len(RECALL_DEPTHS)
    bins = owners * (depths + 1) + _BEYOND.take(t2i, mode="clip")
    ending = np.bincount(bins, minlength=images * (depths + 1)).reshape(images, depths + 1)
    of_captions = ending[:, :depths].T.cumsum(axis=0)
    kind = np.min_scalar_type(of_captions[-1].max(initial=0))
    found = np.empty((2 * depths, images), dtype=kind)
    np.less(i2t, _DEPTHS, out=found[:depths])
    found[depths:] = of_captions
    return found


def _close(found: float, expected: float) -> bool:
    return abs(found - expected) <= _ABSOLUTE + _RELATIVE * abs(expected)
