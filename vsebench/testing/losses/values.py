"""A retrieval loss's values and gradients: finite, and least where training should lead."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, cast

import torch
from torch import nn

from vsebench.plugin import LossCard, LossOutput, VsebenchError
from vsebench.plugin.cards import claimed
from vsebench.testing.check import NotCheckedError, promise
from vsebench.testing.losses.pairs import (
    Pairs,
    build,
    inputs_of,
    loss_of,
    offline_of,
    part,
    source,
    trial,
    value,
)
from vsebench.testing.trial import IN_DOUBLE

if TYPE_CHECKING:
    from torch import Tensor

    from vsebench.testing.subject import Subject
    from vsebench.testing.trial import Trial


def _with_gradients(case: Trial, subject: Subject, pairs: Pairs) -> Tensor:
    """The value, after making sure that it and its gradients are finite."""
    inputs = inputs_of(subject, pairs)
    image, text = inputs.image.clone().requires_grad_(), inputs.text.clone().requires_grad_()
    loss = value(
        build(subject, pairs.batch),
        dataclasses.replace(inputs, image=image, text=text, similarity=image @ text.T),
    )
    case.finite(loss.detach(), "the loss is not finite")
    if loss.requires_grad:
        torch.autograd.backward(loss)
    for name, leaf in (("image", image), ("text", text)):
        if leaf.grad is not None:
            case.finite(leaf.grad, f"the gradient of the {name} embeddings is not finite")
    return loss.detach()


@promise
def gives_a_finite_scalar(subject: Subject) -> None:
    """It gives a finite scalar with finite gradients, and diagnostics that are detached scalars."""
    pairs = Pairs()
    with trial(subject, pairs) as case:
        loss = build(subject, pairs.batch)
        case.require(value(loss, inputs_of(subject, pairs)).dim() == 0, "it is no scalar")
        _with_gradients(case, subject, pairs)
        inputs = inputs_of(subject, pairs)
        leaf = inputs.image.requires_grad_()
        output = loss(dataclasses.replace(inputs, similarity=leaf @ inputs.text.T))
        for name, scalar in (output.diagnostics if isinstance(output, LossOutput) else {}).items():
            case.require(
                scalar.dim() == 0,
                f"its diagnostic '{name}' is no scalar",
                expected="[]",
                found=str(list(scalar.shape)),
            )
            case.require(
                not scalar.requires_grad,
                f"its diagnostic '{name}' keeps the graph of a step alive",
                expected="a detached tensor",
            )


@promise
def is_never_negative(subject: Subject) -> None:
    """It is at least zero, where its card claims so."""
    if not claimed(cast("LossCard", subject.component.card).non_negative, subject.params):
        raise NotCheckedError("its card does not claim it: LossCard(…, non_negative=True)")
    for pairs in (
        *(Pairs(seed=seed) for seed in range(5)),
        Pairs("perfect"),
        Pairs("collapsed"),
        Pairs("siblings", masked="siblings"),
    ):
        with trial(subject, pairs) as case:
            found = loss_of(subject, pairs).item()
            case.require(
                found >= 0,
                "it is negative, and its card claims that it never is",
                expected="at least 0",
                found=f"{found:.6g}",
            )


@promise
def perfect_embeddings_are_best(subject: Subject) -> None:
    """No batch has less loss than one whose pairs agree and are orthogonal to each other."""
    pairs = Pairs("perfect")
    best = loss_of(subject, pairs).item()
    for other in (*(Pairs(seed=seed) for seed in range(3)), Pairs("collapsed"), Pairs("siblings")):
        with trial(subject, other, f"loss(inputs), loss({source(subject, pairs)})") as case:
            found = loss_of(subject, other).item()
            case.require(
                found >= best - 1e-9,
                "another batch has less loss than a perfect one",
                expected=f"at least {best:.6g}",
                found=f"{found:.6g}",
            )
    with trial(subject, pairs, "loss(inputs)", note="its captions shifted by one") as case:
        inputs = inputs_of(subject, pairs)
        text = inputs.text.roll(1, dims=0)
        wrong = value(
            build(subject, pairs.batch),
            dataclasses.replace(inputs, text=text, similarity=inputs.image @ text.T),
        ).item()
        case.require(
            wrong > best,
            "it does not tell right pairs from wrong ones",
            expected=f"more than {best:.6g}",
            found=f"{wrong:.6g}",
        )


@promise
def collapsed_embeddings_stay_finite(subject: Subject) -> None:
    """Where all embeddings are one vector, as they may be early in training, loss and gradients are
    finite.
    """
    pairs = Pairs("collapsed")
    with trial(subject, pairs) as case:
        _with_gradients(case, subject, pairs)


@promise
def takes_a_batch_without_negatives(subject: Subject) -> None:
    """A batch of one pair, and one whose pairs are all positives of each other, give finite losses
    and gradients.
    """
    for pairs in (Pairs(batch=1), Pairs(batch=3, masked="all")):
        with trial(subject, pairs) as case:
            _with_gradients(case, subject, pairs)


@promise
def order_of_the_batch_does_not_matter(subject: Subject) -> None:
    """The loss of a batch is the same in any order of its pairs."""
    pairs = Pairs(masked="siblings")
    with trial(subject, pairs, "loss(inputs)", note="and in another order") as case:
        inputs, order = inputs_of(subject, pairs), torch.tensor([3, 0, 5, 2, 1, 4])
        found = value(build(subject, pairs.batch), part(inputs, order))
        case.close(
            found,
            loss_of(subject, pairs),
            "the order of the pairs changes the loss",
            expected="as in the first order",
            rtol=1e-6,
            atol=1e-9,
        )


@promise
def scales_with_the_batch_as_declared(subject: Subject) -> None:
    """Twice the pairs give twice the loss where the card says `sum`, and the same where it says
    `mean`.
    """
    declared = claimed(cast("LossCard", subject.component.card).reduction, subject.params)
    groups = Pairs("two-groups", batch=12), Pairs("two-groups", batch=12, masked="groups")
    with trial(
        subject, groups[0], "loss(inputs)", note="two copies of six pairs that are far apart"
    ) as case:
        alone = value(
            build(subject, 6), part(inputs_of(subject, groups[0]), torch.arange(6))
        ).item()
        if alone == 0:
            raise NotCheckedError("its loss of the test batch is 0, which has no scale")
        # Far negatives add nothing to a sum over negatives, but thin out a mean over them, unless
        # they are marked as none.
        ratios = [loss_of(subject, pairs).item() / alone for pairs in groups]
        found = f"twice the pairs give {ratios[0]:.2f} times the loss"
        if declared is None:
            raise NotCheckedError(
                f'its card does not say; {found}: LossCard(…, reduction="sum") or "mean"'
            )
        low, high = (1.6, 2.6) if declared == "sum" else (0.7, 1.4)
        right = any(low < ratio < high for ratio in ratios)
        case.require(
            right,
            f"it does not scale like the {declared} that its card declares",
            expected=f"{low} to {high} times",
            found=found,
        )


@promise
def asks_for_the_offline_negatives_it_needs(subject: Subject) -> None:
    """Where its card asks for offline negatives, the loss depends on them, and without them raises
    an error of vsebench that says so.
    """
    if offline_of(subject) is None:
        raise NotCheckedError("its card asks for no offline negatives")
    _check_needed(subject, "offline")


@promise
def asks_for_the_global_negatives_it_needs(subject: Subject) -> None:
    """Where its card asks for global negatives, the loss depends on them, and without them raises
    an error of vsebench that says so.
    """
    if not cast("LossCard", subject.component.card).sampled:
        raise NotCheckedError("its card asks for no global negatives")
    _check_needed(subject, "sampled")


def _check_needed(subject: Subject, field: str) -> None:
    """The loss reads that field of its inputs, and refuses a batch without it."""
    pairs, other = Pairs(), Pairs(seed=1)
    with trial(
        subject,
        pairs,
        f"loss(dataclasses.replace(inputs, {field}=None))",
        note=f"with other '{field}', and with none",
    ) as case:
        inputs = inputs_of(subject, pairs)
        others = getattr(inputs_of(subject, other), field)
        swapped = value(build(subject, 6), dataclasses.replace(inputs, **{field: others}))
        differs = swapped.item() != loss_of(subject, pairs).item()
        case.require(
            differs,
            f"it does not read the '{field}' that its card asks for",
            expected="another loss",
            found="the same loss",
        )
        try:
            build(subject, 6)(dataclasses.replace(inputs, **{field: None}))  # type: ignore[arg-type]
        except VsebenchError:
            return
        raise case.failure(
            f"without '{field}' it does not raise",
            expected="SpecError that names what is missing",
            found="a value",
        )


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
