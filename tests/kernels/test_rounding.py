from __future__ import annotations

import pytest
import torch

from vsebench.kernels.rounding import PACKED_ROWS, round_up_rows


@pytest.mark.parametrize(("rows", "rounded"), [(0, 0), (1, 16), (16, 16), (17, 32)])
def test_rows_are_added_as_zeros_up_to_the_multiple(rows: int, rounded: int) -> None:
    values = torch.ones(2, rows, 3)
    out = round_up_rows(values, 16)
    assert out.shape == (2, rounded, 3)
    assert torch.equal(out[:, :rows], values)
    assert not out[:, rows:].any()


def test_a_packed_batch_has_a_coarser_multiple() -> None:
    assert round_up_rows(torch.ones(5, 2)).shape == (PACKED_ROWS, 2)
