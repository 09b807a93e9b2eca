"""Row optimisers against torch's on sparse gradients."""

from __future__ import annotations

import pytest
import torch

from vsebench.annotation.minibatch import OPTIMISERS

REFERENCES = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.1),
    "adagrad": lambda p: torch.optim.Adagrad(p, lr=0.1),
    "adam": lambda p: torch.optim.SparseAdam(p, lr=0.1),
}


@pytest.mark.filterwarnings("ignore:Sparse invariant checks")  # of torch's own optimisers
@pytest.mark.parametrize("name", OPTIMISERS)
def test_equals_torch_with_rows_that_repeat(name: str) -> None:
    generator = torch.Generator().manual_seed(0)
    start = torch.randn(6, 3, generator=generator)
    ours, theirs = start.clone(), start.clone().requires_grad_()
    optimiser, reference = OPTIMISERS[name](ours, 0.1), REFERENCES[name]([theirs])
    for _ in range(12):
        # Row 5 never, others now and then, some twice
        rows = torch.randint(0, 5, (4,), generator=generator)
        ascent = torch.randn(4, 3, generator=generator)
        theirs.grad = torch.sparse_coo_tensor(rows[None], -ascent, theirs.shape).coalesce()
        reference.step()
        optimiser.step(ours, rows, ascent)
    torch.testing.assert_close(ours, theirs.detach())
    assert torch.equal(ours[5], start[5])
