from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from vsebench.data.validate import check_annotation, compare_sizes
from vsebench.plugin import AnnotationData, AnnotationSplit, DataError, Positives


def rows(*labels: list[int], n_labels: int = 5) -> Positives:
    offsets = np.concatenate([[0], np.cumsum([len(row) for row in labels])]).astype(np.int64)
    return Positives(
        offsets, np.array([label for row in labels for label in row], np.int32), n_labels
    )


def made(**splits: AnnotationSplit) -> AnnotationData:
    whole = {
        "train": AnnotationSplit(rows([0, 1], [2], [])),
        "dev": AnnotationSplit(rows([2], [], [])),
        "test": AnnotationSplit(rows([3], [4], [])),
    }
    return AnnotationData({**whole, **splits}, 5)


def with_features(*labels: list[int], width: int = 2, images: int | None = None) -> AnnotationSplit:
    return AnnotationSplit(rows(*labels), np.ones((images or len(labels), width), np.float32))


def test_sound_sets():
    check_annotation(made(), "a")
    divided = {name: with_features([0], [1, 4]) for name in ("train", "dev", "test")}
    check_annotation(AnnotationData(divided, 5, list("abcde"), aligned=False), "a")


BROKEN = rows([0, 1], [2], [])
TRAIN = "data set 'a', split 'train': "


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            AnnotationData({"train": AnnotationSplit(BROKEN)}, 5),
            "data set 'a' has no split 'dev': it has train",
        ),
        (
            made(train=AnnotationSplit(replace(BROKEN, offsets=BROKEN.offsets.astype(np.int32)))),
            TRAIN + "offsets of positives are int32",
        ),
        (
            made(train=AnnotationSplit(replace(BROKEN, labels=BROKEN.labels.astype(np.int64)))),
            TRAIN + "labels of positives are int64",
        ),
        (
            made(train=AnnotationSplit(replace(BROKEN, offsets=np.array([0, 3, 2, 3])))),
            TRAIN + "offsets of positives",
        ),
        (
            made(train=AnnotationSplit(replace(BROKEN, offsets=np.array([0, 1, 2, 2])))),
            TRAIN + "offsets of positives",
        ),
        (
            made(train=AnnotationSplit(rows([0, 5], [], []))),
            TRAIN + "pair 1 has label 5, expected 0 to 4",
        ),
        (made(train=AnnotationSplit(rows([0, -1], [], []))), TRAIN + "pair 1 has label -1"),
        (
            made(train=AnnotationSplit(rows([0, 0], [], []))),
            TRAIN + r"labels of one image must ascend .* found 0 before 0 \(pair 0\)",
        ),
        (
            made(train=AnnotationSplit(rows([4], [], [1, 0]))),
            TRAIN + r"labels of one image must ascend .* found 1 before 0 \(pair 1\)",
        ),
        (made(train=AnnotationSplit(rows([], [], []))), TRAIN + "no image has a label"),
        (
            made(train=AnnotationSplit(rows([0], [], [], n_labels=6))),
            TRAIN + "positives are of 6 labels in a set of 5",
        ),
        (
            made(train=AnnotationSplit(rows([0], []))),
            "train has 2, dev has 3, test has 3",
        ),
        (
            made(dev=AnnotationSplit(rows([], [4], []))),
            "image 1 has label 4 both in dev and in test",
        ),
        (
            made(train=with_features([0], [1], [], images=2)),
            TRAIN + r"features have shape \(2, 2\)",
        ),
        (
            replace(made(), aligned=False),
            TRAIN + "it has no features",
        ),
        (replace(made(), label_names=["x"]), "data set 'a' has 1 names for 5 labels"),
        (
            AnnotationData(
                {
                    "train": with_features([0]),
                    "dev": with_features([0]),
                    "test": with_features([0], width=3),
                },
                5,
                aligned=False,
            ),
            "features of different widths: train 2, dev 2, test 3",
        ),
    ],
)
def test_unsound_sets_are_refused_in_one_line(data, message):
    with pytest.raises(DataError, match=message) as error:
        check_annotation(data, "a")
    assert "\n" not in str(error.value)


def test_sizes_that_differ_from_the_published_ones():
    assert compare_sizes(made(), {"images": 3, "labels": 5, "pairs": 6, "test pairs": 2}) == ()
    assert compare_sizes(made(), {"images": 3000, "test pairs": 1}) == (
        "it has 3 images, published are 3,000",
        "it has 2 test pairs, published are 1",
    )
    divided = {name: with_features([0], [1, 4]) for name in ("train", "dev", "test")}
    assert compare_sizes(AnnotationData(divided, 5, aligned=False), {"images": 6, "pairs": 9}) == ()
