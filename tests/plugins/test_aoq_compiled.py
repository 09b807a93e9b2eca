"""AOQ in compiled loops against the same in torch's operations, in float64 to the last digits."""

from __future__ import annotations

import dataclasses
import itertools
import math
from typing import TYPE_CHECKING

import pytest
import torch
from torch.nn.functional import normalize
from torch.testing import assert_close

from vsebench.plugin import LossInputs, LossOutput
from vsebench_plugins.aoq.loss import AOQ, OfflineScores
from vsebench_plugins.aoq.loss_numba import NumbaAOQ
from vsebench_plugins.aoq.negatives import ROLES

if TYPE_CHECKING:
    from torch import Tensor

LOSSES = [
    AOQ(terms=terms, margin=margin, offline_margin=0.05, beta=beta, clamp_weight=c, detach_weight=d)
    for terms, (margin, beta), c, d in itertools.product(
        ("offtri", "offquin", "full"), ((0.2, 1.5), (0.9, -0.2)), (False, True), (False, True)
    )
]


def scores(batch: int, seed: int) -> list[Tensor]:
    """Of the batch and of the four offline negatives, as leaves."""
    generator = torch.Generator().manual_seed(seed)
    drawn = [torch.rand(batch, batch, generator=generator, dtype=torch.float64)]
    drawn += [torch.rand(batch, generator=generator, dtype=torch.float64) for _ in range(4)]
    return [(2 * each - 1).requires_grad_() for each in drawn]


def positives(batch: int, kind: str) -> Tensor:
    if kind == "all":
        return torch.ones(batch, batch, dtype=torch.bool)
    mask = torch.eye(batch, dtype=torch.bool)
    if kind == "siblings" and batch > 2:
        mask[0, 2] = mask[2, 0] = True
    return mask


def plain(loss: AOQ, mask: Tensor, similarity: Tensor, *offline: Tensor) -> tuple[Tensor, Tensor]:
    parts = loss.parts(similarity, mask, OfflineScores(*offline))
    pairs = parts.online + parts.offline
    if loss.terms != "offtri":
        pairs = pairs + parts.cross
    means = [parts.weight_text, parts.weight_image]
    means += [parts.online != 0, parts.offline > 0, parts.cross > 0]
    return pairs, torch.stack([each.detach().double().mean() for each in means])


def same(loss: AOQ, mask: Tensor, leaves: list[Tensor]) -> None:
    found = NumbaAOQ.apply(loss, leaves[0], mask, *leaves[1:])
    expected = plain(loss, mask, *leaves)
    assert_close(found, expected, rtol=1e-13, atol=1e-13, equal_nan=True)
    upstream = torch.linspace(0.5, 2, len(mask), dtype=leaves[0].dtype)
    ours, theirs = (
        torch.autograd.grad(pairs, leaves, upstream, materialize_grads=True)
        for pairs, _ in (found, expected)
    )
    assert_close(ours, theirs, rtol=1e-13, atol=1e-13, equal_nan=True)


@pytest.mark.parametrize("loss", LOSSES, ids=repr)
@pytest.mark.parametrize("kind", ["own", "siblings", "all"])
def test_values_means_and_gradients_are_those_of_torchs_operations(loss: AOQ, kind: str) -> None:
    for batch, seed in itertools.product((1, 2, 9), range(3)):
        same(loss, positives(batch, kind), scores(batch, seed))


@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_equal_scores_and_hinges_of_zero(loss: AOQ) -> None:
    """Powers of two, so that a hinge is exactly 0; of equal negatives the first gets the
    gradient.
    """
    loss = dataclasses.replace(loss, margin=0.25, offline_margin=0.25, alpha=0.5, beta=0.5)
    for value in (0.0, 0.25, 0.5):
        similarity = torch.full((4, 4), value, dtype=torch.float64)
        similarity.fill_diagonal_(0.5)
        offline = [torch.full((4,), each, dtype=torch.float64) for each in (0.25, 0.5, 0.25, 0.0)]
        leaves = [each.requires_grad_() for each in (similarity, *offline)]
        same(loss, positives(4, "own"), leaves)


@pytest.mark.parametrize("at", [(0, 0), (1, 2)])
def test_a_nan_is_where_torchs_operations_have_one(at: tuple[int, int]) -> None:
    leaves = scores(4, seed=0)
    with torch.no_grad():
        leaves[0][at] = math.nan
    found = NumbaAOQ.apply(AOQ(), leaves[0], positives(4, "own"), *leaves[1:])[0]
    assert found.isnan().tolist() == plain(AOQ(), positives(4, "own"), *leaves)[0].isnan().tolist()


def test_what_the_loss_returns_is_the_same_in_both_forms(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = torch.Generator().manual_seed(0)
    image, text, *others = (
        normalize(torch.randn(16, 8, generator=generator), dim=1) for _ in range(6)
    )
    inputs = LossInputs(
        image, text, positives(16, "own"), offline=dict(zip(ROLES, others, strict=True))
    )
    outputs: list[LossOutput] = []
    for form in ("numba", "torch"):
        monkeypatch.setenv("VSEBENCH_KERNELS", form)
        outputs.append(AOQ()(inputs))
    ours, theirs = outputs
    assert_close(ours.loss, theirs.loss, rtol=1e-5, atol=1e-6)
    assert list(ours.diagnostics) == list(theirs.diagnostics)
    for name, each in ours.diagnostics.items():
        assert each.item() == pytest.approx(theirs.diagnostics[name].item(), rel=1e-5)
