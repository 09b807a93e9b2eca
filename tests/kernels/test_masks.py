from __future__ import annotations

import torch
from torch.testing import assert_close

from tests.oracles import pooling as oracle
from vsebench.kernels import masked_max, masked_mean, valid_mask


def test_valid_mask_is_a_prefix() -> None:
    assert valid_mask(torch.tensor([0, 2, 3]), 3).tolist() == [[False, False, False], [True, True, False], [True, True, True]]
    assert valid_mask(torch.zeros(0, dtype=torch.int64), 3).shape == (0, 3)
    assert valid_mask(torch.tensor([1, 2]), 0).shape == (2, 0)


def test_reductions_equal_loops() -> None:
    torch.manual_seed(0)
    features, lengths = torch.randn(5, 8, 3), torch.tensor([8, 1, 3, 5, 2])
    assert_close(masked_mean(features, lengths).double(), oracle.pool_by_loops(features, lengths, oracle.mean), rtol=1e-6, atol=1e-6)
    assert_close(masked_max(features, lengths).double(), oracle.pool_by_loops(features, lengths, max))


def test_half_precision_is_summed_in_float32() -> None:
    features = torch.full((1, 3000, 2), 1.0, dtype=torch.float16)
    assert masked_mean(features * 100, torch.tensor([3000])).tolist() == [[100.0, 100.0]]
    assert masked_mean(features, torch.tensor([3000])).dtype == torch.float16


def test_minus_infinity_is_a_value_like_any_other() -> None:
    features = torch.tensor([[[-torch.inf], [-torch.inf], [5.0]]])
    assert masked_max(features, torch.tensor([2])).item() == -torch.inf
