from __future__ import annotations

import numpy as np

from vsebench.data.annotation.hold_out import hold_one_out, leave_one_out
from vsebench.data.validate import check_annotation
from vsebench.plugin import Positives


def of_sizes(sizes: list[int], labels: int = 40, seed: int = 0) -> Positives:
    rng = np.random.default_rng(seed)
    chosen = np.concatenate([rng.permutation(labels)[:size] for size in sizes])
    return Positives.from_pairs(np.repeat(np.arange(len(sizes)), sizes), chosen, len(sizes), labels)


def test_one_label_for_test_one_for_dev_and_at_least_one_for_training():
    sizes = [0, 1, 2, 3, 4, 40] * 5
    positives = of_sizes(sizes)
    data = leave_one_out(positives, seed=3)
    check_annotation(data, "made")
    parts = {name: split.positives for name, split in data.splits.items()}
    assert parts["test"].counts.tolist() == [int(size >= 2) for size in sizes]
    assert parts["dev"].counts.tolist() == [int(size >= 3) for size in sizes]
    for image in range(len(sizes)):
        assert (
            sorted(label for part in parts.values() for label in part.row(image).tolist())
            == positives.row(image).tolist()
        )


def test_what_is_held_out_is_drawn_from_the_seed_and_the_image_alone():
    positives = of_sizes([5] * 200)
    first, again, other = (
        leave_one_out(positives, seed).splits["test"].positives.labels.tolist()
        for seed in (0, 0, 1)
    )
    assert first == again
    assert sum(a == b for a, b in zip(first, other, strict=True)) < 100
    fewer = leave_one_out(positives.select(np.arange(50)), 0).splits
    for name in ("dev", "test"):
        assert (
            fewer[name].positives.labels.tolist()
            == leave_one_out(positives, 0).splits[name].positives.labels.tolist()[:50]
        )


def test_every_label_of_an_image_is_as_likely():
    images = 6000
    positives = Positives.from_pairs(
        np.repeat(np.arange(images), 3), np.tile([1, 4, 6], images), images, 8
    )
    splits = leave_one_out(positives, 0).splits
    for name in ("train", "dev", "test"):
        found = splits[name].positives.popularity()
        assert found.sum() == images
        assert abs(found[[1, 4, 6]] - images / 3).max() < 5 * (images * 2 / 9) ** 0.5


def test_uniform_numbers_choose_in_order():
    positives = Positives.from_pairs(np.array([0, 0, 0, 1]), np.array([2, 5, 7, 3]), 2, 9)
    for uniform, taken in ((0.0, 2), (0.34, 5), (0.99999, 7)):
        rest, held = hold_one_out(positives, np.array([uniform, 0.9]))
        assert held.row(0).tolist() == [taken]
        assert held.row(1).tolist() == []
        assert sorted([*rest.row(0).tolist(), taken]) == [2, 5, 7]
        assert rest.row(1).tolist() == [3]
