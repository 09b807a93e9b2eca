"""Checks that hold for every annotation set, whatever it was read from."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from vsebench.data.soundness import SPLITS, check_splits, check_widths, first
from vsebench.plugin import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vsebench.plugin import AnnotationData, AnnotationSplit, Positives


def check_annotation(name: str, data: AnnotationData) -> None:
    """Checks that a set has its three splits, that each is sound, and that they fit each other.

    Raises:
        DataError: what is wrong with which split.
    """

    def check_split(split: AnnotationSplit) -> None:
        _check_positives(split.positives, data.n_labels)
        _check_features(split, required=not data.aligned)

    check_splits(name, data.splits, check_split)
    if data.label_names and len(data.label_names) != data.n_labels:
        raise DataError(
            f"data set '{name}' has {len(data.label_names)} names for {data.n_labels} labels: "
            "expected one each, or none"
        )
    if data.aligned:
        _check_aligned(name, data)
    widths = {
        split: features.shape[1]
        for split in SPLITS
        if (features := data.splits[split].features) is not None
    }
    check_widths(name, widths)


def compare_sizes(data: AnnotationData, published: Mapping[str, int]) -> tuple[str, ...]:
    """One sentence for each size that is not the published one; see `AnnotationCard.sizes`."""
    pairs = {split: s.positives.n_pairs for split, s in data.splits.items()}
    rows = [len(s.positives) for s in data.splits.values()]
    found = {
        "images": rows[0] if data.aligned else sum(rows),
        "labels": data.n_labels,
        "pairs": sum(pairs.values()),
        "test pairs": pairs["test"],
    }
    return tuple(
        f"it has {found[what]:,} {what}, published are {size:,}"
        for what, size in published.items()
        if found[what] != size
    )


def _check_positives(positives: Positives, n_labels: int) -> None:
    offsets, labels = positives.offsets, positives.labels
    for what, values, kind in (("offsets", offsets, np.int64), ("labels", labels, np.int32)):
        if values.ndim != 1 or values.dtype != kind:
            raise DataError(
                f"{what} of positives are {values.dtype} with {values.ndim} dimensions, expected "
                f"{np.dtype(kind)} with one"
            )
    if positives.n_labels != n_labels or n_labels < 2:
        raise DataError(
            f"positives are of {positives.n_labels} labels in a set of {n_labels}: expected the "
            "same number, at least 2"
        )
    if (
        len(offsets) < 2
        or offsets[0] != 0
        or offsets[-1] != len(labels)
        or (np.diff(offsets) < 0).any()
    ):
        raise DataError(
            f"offsets of positives must rise from 0 to the {len(labels)} pairs, one more of them "
            "than there are images"
        )
    if len(labels) == 0:
        raise DataError("no image has a label")
    if (bad := first((labels < 0) | (labels >= n_labels))) is not None:
        raise DataError(f"pair {bad} has label {labels[bad]}, expected 0 to {n_labels - 1}")
    starts = np.zeros(len(labels), bool)
    starts[offsets[:-1][np.diff(offsets) > 0]] = True
    if (bad := first((np.diff(labels) <= 0) & ~starts[1:])) is not None:
        raise DataError(
            f"labels of one image must ascend and none occur twice, found {labels[bad]} before "
            f"{labels[bad + 1]} (pair {bad})"
        )


def _check_features(split: AnnotationSplit, *, required: bool) -> None:
    images, features = len(split.positives), split.features
    if features is None:
        if required:
            raise DataError("it has no features, which splits that divide the images need")
    elif len(features.shape) != 2 or features.shape[0] != images or features.shape[1] == 0:
        raise DataError(
            f"features have shape {features.shape}, expected [{images}, width]: one vector for "
            "each image"
        )


def _check_aligned(name: str, data: AnnotationData) -> None:
    """Splits of the same images share no pair."""
    sizes = {split: len(data.splits[split].positives) for split in SPLITS}
    if len(set(sizes.values())) > 1:
        raise DataError(
            f"data set '{name}' has splits of the same images, yet "
            f"{', '.join(f'{s} has {n}' for s, n in sizes.items())}"
        )
    for one, other in combinations(SPLITS, 2):
        positives = data.splits[other].positives
        both = data.splits[one].positives.contains(positives.images(), positives.labels)
        if (bad := first(both)) is not None:
            raise DataError(
                f"data set '{name}': image {positives.images()[bad]} has label "
                f"{positives.labels[bad]} both in {one} and in {other}"
            )
