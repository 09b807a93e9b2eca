"""Of one rank, shared statistics are the layer's own."""

from __future__ import annotations

import copy

import pytest
import torch
from torch.testing import assert_close

from vsebench.kernels.batch_norm import MaskedBatchNorm
from vsebench.retrieval.parallel.whole_batch import SharedBatchNorm
from vsebench.retrieval.parallel.world import ALONE

MASKS = {
    "some": [[1, 1, 0], [0, 1, 0]],
    "one": [[0, 1, 0], [0, 0, 0]],
    "none": None,
}


@pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS)
def test_statistics_gradients_and_running_statistics(mask: list[list[int]] | None) -> None:
    torch.manual_seed(0)
    own = MaskedBatchNorm(5).double()
    own.running_mean.normal_(), own.running_var.uniform_(1, 2)
    shared = SharedBatchNorm(copy.deepcopy(own), ALONE)
    marked = None if mask is None else torch.tensor(mask) == 1
    valid = torch.ones(2, 3, dtype=torch.bool) if marked is None else marked
    for _ in range(2):
        rows = torch.randn(2, 3, 5, dtype=torch.float64, requires_grad=True)
        found, wanted = (layer(rows, marked)[valid] for layer in (shared, own))
        assert_close(found, wanted)
        gradients = [
            torch.autograd.grad(out.pow(3).sum(), [rows, *layer.parameters()])
            for out, layer in ((found, shared), (wanted, own))
        ]
        assert_close(*gradients)
    assert_close(dict(shared.state_dict()), dict(own.state_dict()))
