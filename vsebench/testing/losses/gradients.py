"""The gradients of a retrieval loss, and what they say of siblings."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, cast

import torch
from torch import nn

from vsebench.plugin.cards import claimed
from vsebench.testing.check import NotCheckedError, promise
from vsebench.testing.losses.pairs import Pairs, build, inputs_of, trial, value
from vsebench.testing.trial import IN_DOUBLE

if TYPE_CHECKING:
    from torch import Tensor

    from vsebench.plugin import LossCard
    from vsebench.testing.subject import Subject


def score_gradient(subject: Subject, pairs: Pairs) -> Tensor:
    """The derivative [B, B] of the loss in each score; of a loss that reads embeddings only, from
    theirs, as captions are linearly independent.
    """
    inputs = inputs_of(subject, pairs)
    image, similarity = (
        inputs.image.clone().requires_grad_(),
        inputs.similarity.clone().requires_grad_(),
    )
    loss = value(
        build(subject, pairs.batch),
        dataclasses.replace(inputs, image=image, similarity=similarity),
    )
    gradients: tuple[Tensor | None, ...] = torch.autograd.grad(
        loss, (image, similarity), allow_unused=True
    )
    by_image, by_score = gradients
    if by_score is not None:
        return by_score
    return (
        torch.zeros_like(similarity)
        if by_image is None
        else by_image @ torch.linalg.pinv(inputs.text)
    )


@promise
def siblings_are_no_negatives(subject: Subject) -> None:
    """A pair that `positives` marks beside the diagonal is never pushed apart, not even where it
    would be the hardest negative.
    """
    pairs = Pairs("siblings", masked="siblings")
    call = (
        "s = inputs.similarity.requires_grad_(); loss(inputs).backward(); s.grad[1, 2], s.grad[2, "
        "1]"
    )
    with trial(subject, pairs, call) as case:
        gradient = score_gradient(subject, pairs)
        pushed = torch.stack([gradient[1, 2], gradient[2, 1]]).max().item()
        what = (
            "it pushes siblings apart: it takes another caption of the same image for a negative, "
            "though inputs.positives marks it"
        )
        limit = 1e-9 * max(1.0, gradient.abs().max().item())
        case.require(
            pushed <= limit,
            what,
            expected="a derivative of the loss in their score of at most 0",
            found=f"{pushed:.6g}",
        )


@promise
def gradients_are_right(subject: Subject) -> None:
    """In float64, gradients in both embeddings and the loss's parameters equal finite differences
    (torch.autograd.gradcheck).
    """
    if claimed(cast("LossCard", subject.component.card).constants, subject.params):
        raise NotCheckedError("its card says that it takes something it computes for a constant")
    pairs = Pairs("random", masked="siblings")
    call = (
        "torch.autograd.gradcheck(lambda s: loss(dataclasses.replace(inputs, similarity=s)), "
        "inputs.similarity.requires_grad_(), fast_mode=True)"
    )
    with trial(subject, pairs, call, note="in float64", expected=IN_DOUBLE):
        inputs, loss = inputs_of(subject, pairs), build(subject, pairs.batch)
        parameters = tuple(loss.parameters()) if isinstance(loss, nn.Module) else ()

        def compute(image: Tensor, text: Tensor, *_: Tensor) -> Tensor:
            return value(
                loss,
                dataclasses.replace(inputs, image=image, text=text, similarity=image @ text.T),
            )

        torch.autograd.gradcheck(
            compute,
            (inputs.image.requires_grad_(), inputs.text.requires_grad_(), *parameters),
            fast_mode=True,
        )
