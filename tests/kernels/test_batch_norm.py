"""Masked batch normalisation beside torch's own of the marked rows, gathered."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from vsebench.kernels.batch_norm import MaskedBatchNorm

MASKS = {
    "some": torch.tensor([[1, 1, 0, 1], [0, 0, 0, 0], [1, 0, 1, 0]]) == 1,
    "all": torch.ones(3, 4, dtype=torch.bool),
    "two": torch.tensor([[0, 1, 0, 0], [0, 0, 0, 0], [0, 0, 1, 0]]) == 1,
}


def pair(dtype: torch.dtype) -> tuple[MaskedBatchNorm, nn.BatchNorm1d]:
    masked, packed = MaskedBatchNorm(5).to(dtype), nn.BatchNorm1d(5).to(dtype)
    with torch.no_grad():
        for parameter in masked.parameters():
            parameter.copy_(torch.randn(5))
    packed.load_state_dict(masked.state_dict())
    return masked, packed


@pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS)
@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-5)], ids=str
)
def test_equals_batch_norm_of_the_marked_rows_with_gradients(
    mask: torch.Tensor, dtype: torch.dtype, tolerance: float
) -> None:
    torch.manual_seed(0)
    masked, packed = pair(dtype)
    for _ in range(3):  # so that running statistics are tested too
        rows = (3 * torch.randn(3, 4, 5, dtype=dtype) + 7).requires_grad_()
        upstream = torch.randn(int(mask.sum()), 5, dtype=dtype)
        ours, theirs = masked(rows, mask)[mask], packed(rows[mask])
        found, wanted = (
            torch.autograd.grad(out, [rows, *module.parameters()], upstream)
            for out, module in ((ours, masked), (theirs, packed))
        )
        assert_close((ours, *found), (theirs, *wanted), rtol=tolerance, atol=tolerance)
    for name in ("running_mean", "running_var"):
        assert_close(getattr(masked, name), getattr(packed, name), rtol=tolerance, atol=tolerance)
    masked.eval(), packed.eval()
    assert_close(masked(rows, mask)[mask], packed(rows[mask]), rtol=tolerance, atol=tolerance)


def test_without_a_mask_all_rows_count() -> None:
    torch.manual_seed(0)
    masked, packed = pair(torch.float64)
    rows = torch.randn(3, 4, 5, dtype=torch.float64)
    assert_close(masked(rows), packed(rows.flatten(0, 1)).view_as(rows))


def test_a_single_row_takes_the_running_statistics_and_leaves_them() -> None:
    """It has no variance; torch refuses it."""
    norm = MaskedBatchNorm(5)
    norm.running_mean, norm.running_var = torch.full((5,), 2.0), torch.full((5,), 4.0)
    row = torch.randn(1, 5)
    assert_close(norm(row), (row - 2) / (4 + 1e-5) ** 0.5)
    assert norm.running_mean.tolist() == 5 * [2.0]
    assert norm.running_var.tolist() == 5 * [4.0]


def test_a_single_marked_row_takes_the_running_statistics_and_leaves_them() -> None:
    """As without a mask: the last pair of an epoch, of an image with one feature."""
    torch.manual_seed(0)
    masked, _ = pair(torch.float64)
    masked.running_mean.normal_(), masked.running_var.uniform_(1, 2)
    before = {name: tensor.clone() for name, tensor in masked.state_dict().items()}
    rows = torch.randn(2, 3, 5, dtype=torch.float64, requires_grad=True)
    mask = torch.tensor([[0, 1, 0], [0, 0, 0]]) == 1
    found, alone = masked(rows, mask)[mask], masked(rows[mask])
    assert_close(found, alone)
    assert_close(*(torch.autograd.grad(out.square().sum(), rows)[0] for out in (found, alone)))
    assert_close(dict(masked.state_dict()), before)


def test_sums_of_half_precision_are_taken_in_single() -> None:
    rows = (torch.randn(2, 2000, 5) + 300).to(torch.bfloat16)
    mask = torch.ones(2, 2000, dtype=torch.bool)
    out = MaskedBatchNorm(5)(rows, mask)
    assert out.dtype == torch.bfloat16
    assert_close(
        out.float(),
        nn.BatchNorm1d(5)(rows.float().flatten(0, 1)).view_as(out),
        rtol=0.01,
        atol=0.01,
    )
