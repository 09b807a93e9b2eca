"""Losses, forward and backward, for batches of 128 and 1024 pairs against the published
formulation: full hinge matrices, the diagonal zeroed.

The floor is the product that makes the scores.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch.nn.functional import cross_entropy, normalize

from vsebench.plugin import LossInputs, LossOutput
from vsebench_plugins.aoq.loss import AOQ
from vsebench_plugins.aoq.negatives import ROLES
from vsebench_plugins.classic.losses import SumHinge, Triplet
from vsebench_plugins.contrastive.infonce import InfoNCE

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Compare
    from torch import Tensor

DIM = 1024


def hinge_matrices(scores: Tensor, margin: float = 0.2) -> tuple[Tensor, Tensor]:
    own = scores.diag().view(-1, 1)
    eye = torch.eye(len(scores)) > 0.5
    captions = (margin + scores - own.expand_as(scores)).clamp(min=0).masked_fill_(eye, 0)
    images = (margin + scores - own.t().expand_as(scores)).clamp(min=0).masked_fill_(eye, 0)
    return captions, images


def plain_sum_hinge(inputs: LossInputs) -> Tensor:
    captions, images = hinge_matrices(inputs.image.mm(inputs.text.t()))
    return captions.sum() + images.sum()


def plain_triplet(inputs: LossInputs) -> Tensor:
    captions, images = hinge_matrices(inputs.image.mm(inputs.text.t()))
    return captions.max(1)[0].sum() + images.max(0)[0].sum()


def plain_aoq(inputs: LossInputs) -> Tensor:
    """The offline scores as diagonals of full products, as in the released code."""
    negatives = inputs.offline
    assert negatives is not None
    scores = inputs.image.mm(inputs.text.t())
    own = scores.diag()
    off_t, off_i = (
        inputs.image.mm(negatives["text3"].t()).diag(),
        negatives["image3"].mm(inputs.text.t()).diag(),
    )
    x1, x2 = (
        negatives["image3"].mm(negatives["text3"].t()).diag(),
        negatives["image4"].mm(negatives["text4"].t()).diag(),
    )
    captions, images = hinge_matrices(scores)
    masked = scores - 10 * torch.eye(len(scores))
    weight_t, weight_i = (
        1.5 - (off_t - masked.max(1)[0]) / 0.3,
        1.5 - (off_i - masked.max(0)[0]) / 0.3,
    )
    online = (weight_t * captions.max(1)[0]).sum() + (weight_i * images.max(0)[0]).sum()
    return online + sum((score - own).clamp(min=0).sum() for score in (off_t, off_i, x1, x2))


def batch(size: int) -> LossInputs:
    generator = torch.Generator().manual_seed(0)
    image, text, *others = (
        normalize(torch.randn(size, DIM, generator=generator), dim=1) for _ in range(6)
    )
    return LossInputs(
        image.requires_grad_(),
        text.requires_grad_(),
        torch.eye(size, dtype=torch.bool),
        offline=dict(zip(ROLES, others, strict=True)),
    )


def training(
    loss: Callable[[LossInputs], Tensor | LossOutput], inputs: LossInputs
) -> Callable[[], None]:
    """Scores, loss and gradients of the embeddings."""

    def run() -> None:
        inputs.image.grad = inputs.text.grad = None
        out = loss(LossInputs(inputs.image, inputs.text, inputs.positives, offline=inputs.offline))
        (out.loss if isinstance(out, LossOutput) else out).backward()

    return run


def plain_infonce(inputs: LossInputs) -> Tensor:
    scores, classes = inputs.image.mm(inputs.text.t()) / 0.05, torch.arange(len(inputs.image))
    return (cross_entropy(scores, classes) + cross_entropy(scores.t(), classes)) / 2


PAIRS = [
    (SumHinge(), plain_sum_hinge),
    (Triplet(), plain_triplet),
    (AOQ(), plain_aoq),
    (InfoNCE(), plain_infonce),
]
SIZES = pytest.mark.parametrize("size", [128, 1024])


@pytest.mark.parametrize(("loss", "plain"), PAIRS, ids=["sum-hinge", "triplet", "aoq", "infonce"])
@SIZES
def test_loss(benchmark: Any, compare: Compare, loss: Any, plain: Any, size: int) -> None:
    inputs = batch(size)
    ours = loss(inputs)
    assert torch.allclose(
        plain(inputs), ours.loss if isinstance(ours, LossOutput) else ours, rtol=1e-4
    )
    compare(benchmark, training(loss, inputs), training(plain, inputs), rounds=15)


@pytest.mark.parametrize(
    "loss", [SumHinge(), Triplet(), AOQ()], ids=["sum-hinge", "triplet", "aoq"]
)
@SIZES
def test_against_the_floor(benchmark: Any, compare: Compare, loss: Any, size: int) -> None:
    """Beside making the scores and their gradients: 0.5x means that the loss itself costs as much
    again.
    """
    inputs = batch(size)
    compare(
        benchmark, training(loss, inputs), training(lambda i: i.similarity.sum(), inputs), rounds=15
    )
