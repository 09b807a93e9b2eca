"""What is in the splits of a data set."""

from __future__ import annotations

import hashlib
import itertools
from functools import singledispatch
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from vsebench.plugin import AnnotationData, ImageSource, RetrievalData
from vsebench.testing.check import promise
from vsebench.testing.datasets.files import load, opened, trial

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vsebench.plugin import (
        AnnotationSplit,
        DatasetCard,
        FeatureArray,
        RetrievalSplit,
    )
    from vsebench.testing.datasets.files import Data
    from vsebench.testing.subject import Subject

BLOCK = 256
"""Images read at a time."""


@promise
def it_can_be_opened(subject: Subject) -> None:
    """It loads train, dev and test, sound in themselves, of the task that its card names."""
    with opened(subject) as found, trial(subject, found.root, "dataset.load(root)") as case:
        data = load(subject, found)
        declared = cast("DatasetCard", subject.component.card).task
        case.require(
            data.task == declared,
            "it serves another task than its card says",
            expected=declared,
            found=data.task,
        )


@promise
def loading_again_gives_the_same(subject: Subject) -> None:
    """Another instance that loads it, or generates it in another folder, gives the same splits to
    the byte.
    """
    with (
        opened(subject) as one,
        opened(subject) as other,
        trial(subject, one.root, "dataset.load(root)", note="twice") as case,
    ):
        first, second = load(subject, one), load(subject, other)
        for split in first.splits:
            pairs = zip(_digests(first, split), _digests(second, split), strict=True)
            differing = [i for i, (a, b) in enumerate(pairs) if a != b]
            what = f"its split '{split}' differs the second time"
            case.require(
                not differing,
                what,
                expected="the same bytes",
                found=f"{len(differing)} images differ, first image {differing[:1]}",
            )
            texts = [_texts(data, split) for data in (first, second)]
            case.require(
                texts[0] == texts[1],
                f"captions or labels of its split '{split}' differ the second time",
                expected="the same",
            )


@promise
def splits_are_disjoint(subject: Subject) -> None:
    """No image is in two splits; where splits divide the labels of the same images, no pair is."""
    with opened(subject) as found, trial(subject, found.root, "dataset.load(root)") as case:
        data = load(subject, found)
        if getattr(data, "aligned", False):
            return  # opening it has compared the pairs
        digests = {
            split: {digest: i for i, digest in enumerate(_digests(data, split))}
            for split in data.splits
        }
        for one, other in itertools.combinations(digests, 2):
            shared = digests[one].keys() & digests[other].keys()
            example = min(shared, key=digests[one].__getitem__, default=b"")
            text = (
                f"{len(shared)} images, such as image {digests[one].get(example)} of {one} and "
                f"{digests[other].get(example)} of {other}"
            )
            case.require(
                not shared,
                f"'{one}' and '{other}' share images",
                expected="none, by the bytes of their features",
                found=text,
            )


def _digests(data: Data, split: str) -> Iterator[bytes]:
    """A hash of what each image of a split looks like; none where images are known by their row
    alone.
    """
    part = data.splits[split]
    features = getattr(part, "features", None)  # what other tasks read may have none
    if features is None:
        return
    if isinstance(features, ImageSource):
        yield from (
            hashlib.blake2b(features.read(i), digest_size=16).digest() for i in range(len(features))
        )
        return
    yield from _feature_digests(part, features)


def _feature_digests(
    part: RetrievalSplit | AnnotationSplit, features: FeatureArray
) -> Iterator[bytes]:
    lengths = getattr(part, "lengths", None)
    n = features.shape[0]
    for start in range(0, n, BLOCK):
        block = np.ascontiguousarray(features[np.arange(start, min(start + BLOCK, n))])
        for i, rows in enumerate(block, start):
            valid = rows if lengths is None else rows[: lengths[i]]
            yield hashlib.blake2b(valid.tobytes(), digest_size=16).digest()


@singledispatch
def _texts(data: Any, split: str) -> tuple[object, ...]:
    """What a split has beside features, for comparison."""
    return (data.splits[split],)


@_texts.register(RetrievalData)
def _(data: RetrievalData, split: str) -> tuple[object, ...]:
    part = data.splits[split]
    return list(part.captions), part.text_to_image.tolist(), part.lengths.tolist()


@_texts.register(AnnotationData)
def _(data: AnnotationData, split: str) -> tuple[object, ...]:
    positives = data.splits[split].positives
    return positives.offsets.tobytes(), positives.labels.tobytes()
