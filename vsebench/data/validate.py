"""Checks that hold for every data set, whatever it was read from: three splits, each sound, of one
width. `check_data` is for image–caption sets, `check_annotation` for annotation sets.
"""

from __future__ import annotations

from functools import singledispatch
from itertools import combinations
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from vsebench.data.words import has_word
from vsebench.plugin import AnnotationData, DataError, ImageSource, RetrievalData

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from vsebench.plugin import AnnotationSplit, Positives, RetrievalSplit

SPLITS = ("train", "dev", "test")

Split = TypeVar("Split")


def check_splits(name: str, splits: Mapping[str, Split], check: Callable[[Split], None]) -> None:
    """Checks that a set has its three splits and that each is sound.

    Args:
        name: name of the data set.
        splits: splits by name.
        check: raises DataError for an unsound one.

    Raises:
        DataError: what is wrong with which split.
    """
    for split in SPLITS:
        if split not in splits:
            raise DataError(
                f"data set '{name}' has no split '{split}': it has {', '.join(splits) or 'none'}"
            )
        try:
            check(splits[split])
        except DataError as error:
            raise DataError(f"data set '{name}', split '{split}': {error}") from None


def check_widths(name: str, widths: Mapping[str, int]) -> None:
    """Checks that the features of all splits have one width.

    Raises:
        DataError: they do not.
    """
    if len(set(widths.values())) > 1:
        raise DataError(
            f"data set '{name}' has features of different widths: "
            f"{', '.join(f'{split} {width}' for split, width in widths.items())}"
        )


def first(bad: np.ndarray) -> int | None:
    """The index of the first true one; None of none."""
    return int(bad.argmax()) if bad.any() else None


@singledispatch
def check_any(data: object, name: str) -> None:  # what other tasks read
    """Checks the data of any task: by what is registered here for their type.

    Args:
        data: an opened set.
        name: name of the set.

    Raises:
        DataError: what is wrong with which split.
    """


@singledispatch
def compare_any(data: object, published: Mapping[str, Any]) -> tuple[str, ...]:  # noqa: ARG001
    """One sentence for each number of any task's data that is not the published one."""
    return ()


@check_any.register(RetrievalData)
def check_data(data: RetrievalData, name: str) -> None:
    """Checks that a set has its three splits and that each is sound.

    Raises:
        DataError: what is wrong with which split.
    """
    check_splits(name, data.splits, check_split)
    raw = {split for split in SPLITS if isinstance(data.splits[split].features, ImageSource)}
    if raw and len(raw) < len(SPLITS):
        raise DataError(
            f"data set '{name}' has raw images in {', '.join(sorted(raw))} only: every split must "
            "have them, or features"
        )
    widths = {
        split: f.shape[2]
        for split in SPLITS
        if not isinstance(f := data.splits[split].features, ImageSource)
    }
    check_widths(name, widths)


def check_split(split: RetrievalSplit) -> None:
    """Checks one split.

    Raises:
        DataError: shapes, lengths, the caption map or the captions are inconsistent.
    """
    lengths, owners = split.lengths, split.text_to_image
    shape = (
        (len(split.features), 1, 3)
        if isinstance(split.features, ImageSource)
        else split.features.shape
    )
    if len(shape) != 3 or 0 in shape:
        raise DataError(f"features have shape {shape}, expected [images, local features, width]")
    images, size = shape[:2]
    if lengths.shape != (images,) or owners.shape != (len(split.captions),):
        raise DataError(
            f"{images} images have {len(lengths)} lengths, and {len(split.captions)} captions "
            f"have {len(owners)} images in text_to_image: expected one each"
        )
    for what, values in (("lengths", lengths), ("text_to_image", owners)):
        if values.dtype != np.int64:
            raise DataError(f"{what} are {values.dtype}, expected int64")
    if (bad := first((lengths < 1) | (lengths > size))) is not None:
        raise DataError(f"image {bad} has length {lengths[bad]}, expected 1 to {size}")
    if (bad := first((owners < 0) | (owners >= images))) is not None:
        raise DataError(f"caption {bad} belongs to image {owners[bad]}, expected 0 to {images - 1}")
    if (bad := first(np.bincount(owners, minlength=images) == 0)) is not None:
        raise DataError(f"image {bad} has no caption")
    for number, caption in enumerate(split.captions, start=1):
        if not has_word(caption):
            raise DataError(f"caption on line {number} is empty (no word in {caption!r})")


@compare_any.register(RetrievalData)
def compare_counts(
    data: RetrievalData, published: Mapping[str, tuple[int, int]]
) -> tuple[str, ...]:
    """One sentence for each split whose numbers of images and captions are not the published
    ones.
    """
    found = {split: (len(s.lengths), len(s.captions)) for split, s in data.splits.items()}
    return tuple(
        f"{split} has {found[split][0]} images and {found[split][1]} captions, published are "
        f"{images} and {captions}"
        for split, (images, captions) in published.items()
        if split in found and found[split] != (images, captions)
    )


@check_any.register(AnnotationData)
def check_annotation(data: AnnotationData, name: str) -> None:
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
    _check_negatives(name, data)
    widths = {
        split: features.shape[1]
        for split in SPLITS
        if (features := data.splits[split].features) is not None
    }
    check_widths(name, widths)


@compare_any.register(AnnotationData)
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
        if found.get(what, size) != size
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


def _check_negatives(name: str, data: AnnotationData) -> None:
    """Some image of every split has a label and lacks one: else nothing could be ranked, or
    learnt.
    """
    counts = {split: data.splits[split].positives.counts for split in SPLITS}
    known = {"train": ("dev", "test"), "dev": ("train",), "test": ("train", "dev")}
    for split in SPLITS:
        taken = sum((counts[other] for other in known[split] if data.aligned), counts[split])
        if not ((counts[split] > 0) & (taken < data.n_labels)).any():
            raise DataError(
                f"data set '{name}', split '{split}': every image that has labels has all "
                f"{data.n_labels} of them, so that there is nothing to rank them above: leave out "
                "the labels that every image has"
            )
