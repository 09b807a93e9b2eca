from __future__ import annotations

import torch
from torch.testing import assert_close

from vsebench.kernels import padded_rows, valid_mask, valid_rows


def test_is_true_on_a_prefix() -> None:
    assert valid_mask(torch.tensor([0, 2, 3]), 3).tolist() == [
        [False, False, False],
        [True, True, False],
        [True, True, True],
    ]


def test_empty_shapes() -> None:
    assert valid_mask(torch.zeros(0, dtype=torch.int64), 3).shape == (0, 3)
    assert valid_mask(torch.tensor([1, 2]), 0).shape == (2, 0)


def test_rows_come_back_to_their_places_and_those_that_were_added_are_dropped() -> None:
    generator = torch.Generator().manual_seed(0)
    lengths = torch.tensor([2, 0, 3])
    features = torch.randn(3, 4, 5, generator=generator)
    rows = valid_rows(features, lengths)
    assert_close(padded_rows(rows, lengths, 4), features * valid_mask(lengths, 4)[..., None])
    more = torch.cat([rows, torch.full((3, 5), torch.nan)]).requires_grad_()
    out = padded_rows(more, lengths, 4)
    assert torch.equal(out, padded_rows(rows, lengths, 4))
    upstream = torch.randn(3, 4, 5, generator=generator)
    out.backward(upstream)
    assert more.grad is not None
    assert torch.equal(more.grad[:5], valid_rows(upstream, lengths))
    assert torch.equal(more.grad[5:], torch.zeros(3, 5))
