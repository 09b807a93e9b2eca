"""The promises of annotation losses."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, cast

import torch
from torch import nn

from vsebench.plugin import RankingInputs
from vsebench.plugin.cards import claimed
from vsebench.testing.check import NotCheckedError, promise
from vsebench.testing.devices import need_cuda, unmixed
from vsebench.testing.rankings import Rankings
from vsebench.testing.trial import IN_DOUBLE, Trial

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from vsebench.plugin import LossCard
    from vsebench.testing.subject import Subject


def _trial(
    subject: Subject,
    scores: Rankings,
    call: str = "loss(inputs)",
    *,
    note: str = "",
    expected: str = "no error",
) -> Trial:
    code = (
        f"import torch; from vsebench.testing import Rankings, build; loss = {subject.source()}; "
        f"inputs = {scores!r}.inputs(); {call}"
    )
    return Trial(f"{scores}{', ' if note else ''}{note}", code, expected)


def _value(subject: Subject, inputs: RankingInputs) -> Tensor:
    loss = subject.build()
    scalar: Tensor = (loss.to(inputs.pos.dtype) if isinstance(loss, nn.Module) else loss)(inputs)
    return scalar


def _leaves(inputs: RankingInputs) -> RankingInputs:
    return dataclasses.replace(
        inputs, pos=inputs.pos.clone().requires_grad_(), neg=inputs.neg.clone().requires_grad_()
    )


@promise
def gives_a_finite_scalar(subject: Subject) -> None:
    """It gives a finite scalar, and 0 for an empty batch."""
    for scores in (Rankings(), Rankings(1, 1), Rankings(0, 3)):
        with _trial(subject, scores) as case:
            found = _value(subject, scores.inputs())
            case.require(
                isinstance(found, torch.Tensor) and found.dim() == 0,
                "it does not return a scalar tensor",
                expected="[]",
                found=str(found),
            )
            case.finite(found, "it is not finite")
            case.require(
                scores.pairs > 0 or found.item() == 0,
                "an empty batch costs something",
                expected="0",
                found=str(found.item()),
            )


@promise
def is_never_negative(subject: Subject) -> None:
    """It is at least zero, where its card claims so."""
    if not claimed(cast("LossCard", subject.component.card).non_negative, subject.params):
        raise NotCheckedError("its card does not claim it: LossCard(…, non_negative=True)")
    for scores in (Rankings(seed=seed) for seed in range(5)):
        with _trial(subject, scores) as case:
            found = _value(subject, scores.inputs()).item()
            case.require(
                found >= 0,
                "it is negative, and its card claims that it never is",
                expected="at least 0",
                found=f"{found:.6g}",
            )


@promise
def a_draw_that_found_nothing_costs_nothing(subject: Subject) -> None:
    """Negatives of score −∞, of draws that found none, give a loss of 0 and gradients of 0."""
    scores = Rankings(nothing=True)
    with _trial(subject, scores) as case:
        inputs = _leaves(scores.inputs())
        loss = _value(subject, inputs)
        case.require(
            loss.item() == 0,
            "a draw that found nothing costs something",
            expected="0",
            found=f"{loss.item():.6g}",
        )
        for gradient in torch.autograd.grad(loss, (inputs.pos, inputs.neg), allow_unused=True):
            worst = 0.0 if gradient is None else gradient.abs().max().item()
            case.require(
                worst == 0,
                "a draw that found nothing has a gradient",
                expected="0",
                found=f"{worst:.6g}",
            )


@promise
def sums_over_negatives(subject: Subject) -> None:
    """The loss of a batch is the sum of the losses of its (positive, negative) pairs, so that every
    negative counts like an update of its own.
    """
    scores = Rankings()
    with _trial(subject, scores) as case:
        inputs, total = scores.inputs(), torch.zeros((), dtype=torch.float64)
        for b in range(scores.pairs):
            for c in range(scores.negatives):
                one = RankingInputs(
                    inputs.pos[b : b + 1],
                    inputs.neg[b : b + 1, c : c + 1],
                    inputs.weight[b : b + 1, c : c + 1],
                )
                total = total + _value(subject, one)
        case.close(
            _value(subject, inputs),
            total,
            "it is not the sum over its negatives",
            expected="the sum of its parts",
            rtol=1e-6,
            atol=1e-9,
        )


@promise
def ranks_positives_higher(subject: Subject) -> None:
    """A higher score of a positive never costs more, and a higher score of a negative never
    less.
    """
    scores = Rankings(pairs=20)
    with _trial(
        subject,
        scores,
        "leaves = [t.requires_grad_() for t in (inputs.pos, inputs.neg)]; "
        "torch.autograd.grad(loss(inputs), leaves)",
    ) as case:
        inputs = _leaves(scores.inputs())
        by_pos, by_neg = torch.autograd.grad(_value(subject, inputs), (inputs.pos, inputs.neg))
        case.require(
            bool((by_pos <= 0).all()),
            "it pushes positives down",
            expected="derivatives of at most 0",
            found=f"{by_pos.max().item():.6g}",
        )
        case.require(
            bool((by_neg >= 0).all()),
            "it pushes negatives up",
            expected="derivatives of at least 0",
            found=f"{by_neg.min().item():.6g}",
        )
        case.require(
            bool((by_neg > 0).any()),
            "no negative has a gradient",
            expected="some above 0",
            found="all 0",
        )


@promise
def gradients_are_right(subject: Subject) -> None:
    """In float64 its gradients equal finite differences (torch.autograd.gradcheck)."""
    if claimed(cast("LossCard", subject.component.card).constants, subject.params):
        raise NotCheckedError("its card says that it takes something it computes for a constant")
    scores = Rankings()
    with _trial(subject, scores, note="in float64", expected=IN_DOUBLE):
        inputs = _leaves(scores.inputs())

        def compute(pos: Tensor, neg: Tensor) -> Tensor:
            return _value(subject, dataclasses.replace(inputs, pos=pos, neg=neg))

        torch.autograd.gradcheck(compute, (inputs.pos, inputs.neg), fast_mode=True)


@promise
def its_kernel_is_the_same_loss(subject: Subject) -> None:
    """`kernel()`, where it has one, gives the loss of one difference and its slope as autograd
    does.
    """
    loss = subject.build()
    if not hasattr(loss, "kernel"):
        raise NotCheckedError("it has no kernel()")
    scores = Rankings(pairs=20)
    with _trial(
        subject,
        scores,
        "[loss.kernel()(*pair) for pair in zip(inputs.difference.flatten().tolist(), "
        "inputs.weight.flatten().tolist())]",
    ) as case:
        inputs, function = _leaves(scores.inputs()), loss.kernel()
        total = _value(subject, inputs)
        by_neg = torch.autograd.grad(total, inputs.neg)[0]
        pairs = zip(
            inputs.difference.flatten().tolist(), inputs.weight.flatten().tolist(), strict=True
        )
        compiled = torch.tensor(
            [function(difference, weight) for difference, weight in pairs], dtype=torch.float64
        )
        case.close(
            compiled[:, 0].sum(),
            total.detach(),
            "its kernel gives another loss",
            expected="as called",
            rtol=1e-5,
            atol=1e-6,
        )
        case.close(
            compiled[:, 1],
            by_neg.flatten(),
            "its kernel gives another slope",
            expected="minus the derivative in the difference",
            rtol=1e-5,
            atol=1e-6,
        )


@promise
def works_in_half_precision(subject: Subject) -> None:
    """Scores in bfloat16 or float16 give the loss that the same numbers give in float64, within 2
    %.
    """
    for dtype in (torch.bfloat16, torch.float16):
        scores = Rankings()
        with _trial(subject, scores, note=f"in {dtype}") as case:
            low = scores.inputs(dtype)
            wide = RankingInputs(low.pos.double(), low.neg.double(), low.weight.double())
            case.close(
                _value(subject, low).double(),
                _value(subject, wide),
                "it loses more than rounding",
                expected="as in float64",
                rtol=0.02,
                atol=0.02,
            )


@promise
def never_waits_for_the_device(subject: Subject) -> None:
    """It traces into one graph, so that no step of it reads a value back from the device."""
    scores = Rankings()
    with _trial(
        subject,
        scores,
        'torch.compile(loss, backend="eager", fullgraph=True)(inputs)',
        note="traced",
    ) as case:
        loss, inputs = subject.build(), scores.inputs(torch.float32)
        with case.one_graph():
            traced: Callable[[RankingInputs], Tensor] = torch.compile(
                loss, backend="eager", fullgraph=True
            )
            found = traced(inputs)
        case.close(
            found,
            _value(subject, inputs),
            "tracing changes the loss",
            expected="as untraced",
            rtol=1e-5,
            atol=1e-6,
        )


def _moved(subject: Subject, scores: Rankings, device: torch.device, case: Trial) -> Tensor:
    inputs, loss = scores.inputs(), subject.build()
    there = RankingInputs(inputs.pos.to(device), inputs.neg.to(device), inputs.weight.to(device))
    found: Tensor = unmixed(
        lambda: (loss.double().to(device) if isinstance(loss, nn.Module) else loss)(there), case
    )
    case.require(
        found.device.type == device.type,
        "it is on another device than its inputs",
        expected=str(device),
        found=str(found.device),
    )
    return found


@promise
def follows_the_device_of_its_inputs(subject: Subject) -> None:
    """It works wherever its inputs are: tested on the meta device, which refuses tensors of the
    CPU.
    """
    scores = Rankings()
    with _trial(subject, scores, note="on the meta device") as case:
        _moved(subject, scores, torch.device("meta"), case)


@promise
def cuda_gives_the_same(subject: Subject) -> None:
    """On CUDA the loss is that of the CPU within rounding."""
    device, scores = need_cuda(), Rankings()
    with _trial(subject, scores, note="on CUDA") as case:
        found = _moved(subject, scores, device, case).cpu()
        case.close(
            found,
            _value(subject, scores.inputs()),
            "CUDA gives another loss than the CPU",
            expected="as on the CPU",
            rtol=1e-5,
            atol=1e-6,
        )


PROMISES = (
    gives_a_finite_scalar,
    is_never_negative,
    a_draw_that_found_nothing_costs_nothing,
    sums_over_negatives,
    ranks_positives_higher,
    gradients_are_right,
    its_kernel_is_the_same_loss,
    works_in_half_precision,
    never_waits_for_the_device,
    follows_the_device_of_its_inputs,
    cuda_gives_the_same,
)
