from __future__ import annotations

import torch

from vsebench.kernels import valid_mask


def test_is_true_on_a_prefix() -> None:
    assert valid_mask(torch.tensor([0, 2, 3]), 3).tolist() == [
        [False, False, False],
        [True, True, False],
        [True, True, True],
    ]


def test_empty_shapes() -> None:
    assert valid_mask(torch.zeros(0, dtype=torch.int64), 3).shape == (0, 3)
    assert valid_mask(torch.tensor([1, 2]), 0).shape == (2, 0)
