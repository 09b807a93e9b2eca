from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from vsebench.plugin import AnnotationCard, AnnotationData, AnnotationSplit, Key, Positives


def random_pairs(
    images: int, labels: int, pairs: int, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.integers(0, images, pairs), rng.integers(0, labels, pairs)


@pytest.mark.parametrize(
    ("images", "labels", "pairs"), [(1, 1, 1), (7, 5, 60), (50, 3, 20), (3, 900, 400), (4, 4, 0)]
)
def test_rows_are_sorted_sets(images, labels, pairs):
    rows, columns = random_pairs(images, labels, pairs)
    expected = [
        sorted({int(label) for row, label in zip(rows, columns, strict=True) if row == image})
        for image in range(images)
    ]
    made = Positives.from_pairs(rows, columns, images, labels)
    assert [made.row(image).tolist() for image in range(images)] == expected
    assert (made.offsets.dtype, made.labels.dtype) == (np.int64, np.int32)
    assert (len(made), made.n_pairs, made.n_labels) == (images, sum(map(len, expected)), labels)
    assert made.counts.tolist() == [len(row) for row in expected]
    assert made.popularity().tolist() == [
        sum(label in row for row in expected) for label in range(labels)
    ]
    assert list(zip(made.images().tolist(), made.labels.tolist(), strict=True)) == [
        (i, label) for i, row in enumerate(expected) for label in row
    ]
    every = made.contains(np.arange(images)[:, None], np.arange(labels))
    assert every.tolist() == [[label in row for label in range(labels)] for row in expected]


def test_large_ids_do_not_overflow():
    made = Positives.from_pairs(
        np.array([99999, 0], np.int32), np.array([99998, 99999], np.int32), 100000, 100000
    )
    assert made.row(99999).tolist() == [99998]
    assert made.contains(np.array([99999, 0, 5]), np.array([99998, 99998, 99998])).tolist() == [
        True,
        False,
        False,
    ]


def test_contains_of_scalars_and_of_nothing():
    made = Positives.from_pairs(*random_pairs(5, 6, 12), 5, 6)
    assert made.contains(np.int64(2), made.row(2)).all()
    assert made.contains(np.empty(0, np.int64), np.empty(0, np.int64)).shape == (0,)


def test_select_keeps_the_order_given():
    made = Positives.from_pairs(*random_pairs(9, 30, 60), 9, 30)
    chosen = made.select(np.array([8, 0, 0, 3]))
    assert [chosen.row(i).tolist() for i in range(4)] == [
        made.row(i).tolist() for i in (8, 0, 0, 3)
    ]
    assert len(made.select(np.empty(0, np.int64))) == 0


def test_union():
    one, other = (Positives.from_pairs(*random_pairs(6, 8, 20, seed), 6, 8) for seed in (0, 1))
    both = one.union(other)
    assert [both.row(i).tolist() for i in range(6)] == [
        sorted({*one.row(i).tolist(), *other.row(i).tolist()}) for i in range(6)
    ]
    with pytest.raises(ValueError, match="not of the same images and labels"):
        one.union(Positives.from_pairs(*random_pairs(6, 8, 5), 6, 9))


def test_what_is_known_when_a_split_is_ranked():
    train, dev, test = (
        Positives.from_pairs(np.array([0]), np.array([label]), 2, 4) for label in range(3)
    )
    splits = {
        "train": AnnotationSplit(train),
        "dev": AnnotationSplit(dev),
        "test": AnnotationSplit(test),
    }
    data = AnnotationData(splits, 4)
    assert data.known("dev").row(0).tolist() == [0]
    assert data.known("test").row(0).tolist() == [0, 1]
    assert AnnotationData(splits, 4, aligned=False).known("test") is None


def test_published_sizes_may_depend_on_options():
    assert AnnotationCard("a set", sizes={"labels": 3}).sizes_for({}) == {"labels": 3}
    assert AnnotationCard("a set", sizes=lambda params: {"labels": int(params["n"])}).sizes_for(
        {"n": 4}
    ) == {"labels": 4}


def test_the_contract_needs_no_array_library_to_be_listed():
    program = (
        "import sys, vsebench.plugin; sys.exit(any(name in sys.modules for name in ('numpy', "
        "'torch')))"
    )
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0


def test_every_label_of_an_image_is_picked_alike_whatever_the_order_of_the_pairs() -> None:
    owner = np.array([1, 0, 1, 2, 1])
    labels_of = Positives.from_pairs(owner, np.arange(5), 4, 5)
    picked = labels_of.pick(np.full(6000, 1), Key(0).generator())
    values, counts = np.unique(picked, return_counts=True)
    assert (picked.dtype, values.tolist()) == (np.int64, [0, 2, 4])
    assert counts.min() > 1850
    assert labels_of.pick(np.array([0, 2]), Key(1).generator()).tolist() == [1, 3]
    with pytest.raises(ValueError, match="image 3 has no label"):
        labels_of.pick(np.array([0, 3]), Key(0).generator())
