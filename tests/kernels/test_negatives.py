"""Lookups among the labels that an image does not have."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from vsebench.kernels.negatives import NegativeIndex
from vsebench.kernels.negatives_numba import free_labels, is_positive, nth_negative
from vsebench.plugin import Positives


def positives(n_labels: int) -> Positives:
    """Rows of every length, short and long, empty and full."""
    rng = np.random.default_rng(0)
    rows = [
        np.sort(rng.choice(n_labels, size, replace=False))
        for size in (0, 1, 2, n_labels // 2, n_labels - 1, n_labels, 0)
    ]
    return Positives.from_pairs(
        np.repeat(np.arange(len(rows)), [len(r) for r in rows]),
        np.concatenate(rows),
        len(rows),
        n_labels,
    )


@pytest.mark.parametrize("n_labels", [4, 33, 200])
def test_lookups_equal_sets(n_labels: int) -> None:
    rows = positives(n_labels)
    index = NegativeIndex(rows, torch.device("cpu"))
    for image in range(len(rows)):
        owned = set(rows.row(image).tolist())
        negatives = [a for a in range(n_labels) if a not in owned]
        here = torch.tensor([[image]])
        assert (
            index.free(here).item() == free_labels(image, rows.offsets, n_labels) == len(negatives)
        )
        assert index.nth(here, torch.arange(len(negatives))).flatten().tolist() == negatives
        assert [
            nth_negative(image, r, rows.offsets, rows.labels) for r in range(len(negatives))
        ] == negatives
        assert index.contains(here, torch.arange(n_labels)).flatten().tolist() == [
            a in owned for a in range(n_labels)
        ]
        assert [is_positive(image, a, rows.offsets, rows.labels) for a in range(n_labels)] == [
            a in owned for a in range(n_labels)
        ]


def test_no_positives_at_all() -> None:
    rows = Positives(np.zeros(3, np.int64), np.zeros(0, np.int32), 5)
    index = NegativeIndex(rows, torch.device("cpu"))
    images = torch.tensor([[0], [1]])
    assert index.nth(images, torch.arange(5)).tolist() == [[0, 1, 2, 3, 4]] * 2
    assert not index.contains(images, torch.arange(5)).any()


def test_read_only_arrays_will_do() -> None:
    rows = positives(10)
    rows.offsets.flags.writeable = rows.labels.flags.writeable = False
    assert (
        NegativeIndex(rows, torch.device("cpu"))
        .contains(torch.tensor([[5]]), torch.tensor([3]))
        .item()
    )
