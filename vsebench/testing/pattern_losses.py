"""The promises of losses of the pattern task."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import torch

from vsebench.plugin.cards import claimed
from vsebench.testing.check import NotCheckedError, promise
from vsebench.testing.devices import need_cuda, unmixed
from vsebench.testing.trial import IN_DOUBLE, Trial

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from vsebench.plugin import LossCard
    from vsebench.testing.subject import Subject

_SHAPE = (6, 4)


def _pair(seed: int = 0, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor]:
    """What a pooling returned for some sets, and what it should have."""
    generator = torch.Generator().manual_seed(seed)
    found, target = torch.randn(2, *_SHAPE, generator=generator, dtype=torch.float64)
    return found.to(dtype), target.to(dtype)


def _trial(
    subject: Subject,
    seed: int = 0,
    call: str = "loss(found, target)",
    *,
    note: str = "",
    expected: str = "no error",
) -> Trial:
    drawn = (
        f"torch.randn(2, {_SHAPE[0]}, {_SHAPE[1]}, dtype=torch.float64, "
        f"generator=torch.Generator().manual_seed({seed}))"
    )
    code = (
        f"import torch; from vsebench.testing import build; loss = {subject.source()}; "
        f"found, target = {drawn}; {call}"
    )
    on = f"{_SHAPE[0]} vectors of size {_SHAPE[1]}{', ' if note else ''}{note}"
    return Trial(on, code, expected)


def _value(subject: Subject, found: Tensor, target: Tensor) -> Tensor:
    scalar: Tensor = subject.build()(found, target)
    return scalar


@promise
def gives_a_finite_scalar(subject: Subject) -> None:
    """It gives a finite scalar."""
    with _trial(subject) as case:
        value = _value(subject, *_pair())
        case.require(
            isinstance(value, torch.Tensor) and value.dim() == 0,
            "it does not return a scalar tensor",
            expected="[]",
            found=str(value),
        )
        case.finite(value, "it is not finite")


@promise
def is_never_negative(subject: Subject) -> None:
    """It is at least zero, where its card claims so."""
    if not claimed(cast("LossCard", subject.component.card).non_negative, subject.params):
        raise NotCheckedError("its card does not claim it: LossCard(…, non_negative=True)")
    for seed in range(5):
        with _trial(subject, seed) as case:
            value = _value(subject, *_pair(seed)).item()
            case.require(
                value >= 0,
                "it is negative, and its card claims that it never is",
                expected="at least 0",
                found=f"{value:.6g}",
            )


@promise
def the_target_costs_least(subject: Subject) -> None:
    """Nothing costs less than what was to be returned, and something else costs more."""
    for seed in range(5):
        call = "loss(target, target), loss(found, target)"
        with _trial(subject, seed, call) as case:
            found, target = _pair(seed)
            least, other = (_value(subject, each, target).item() for each in (target, found))
            case.require(
                other > least,
                "another output costs no more than the target",
                expected=f"more than {least:.6g}",
                found=f"{other:.6g}",
            )


@promise
def gradients_are_right(subject: Subject) -> None:
    """In float64 its gradient equals finite differences (torch.autograd.gradcheck)."""
    with _trial(subject, note="in float64", expected=IN_DOUBLE):
        found, target = _pair()
        torch.autograd.gradcheck(
            lambda leaf: _value(subject, leaf, target), (found.requires_grad_(),), fast_mode=True
        )


@promise
def works_in_half_precision(subject: Subject) -> None:
    """Vectors in bfloat16 or float16 give the loss that the same numbers give in float64, within 2
    %.
    """
    for dtype in (torch.bfloat16, torch.float16):
        with _trial(subject, note=f"in {dtype}") as case:
            found, target = _pair(dtype=dtype)
            case.close(
                _value(subject, found, target).double(),
                _value(subject, found.double(), target.double()),
                "it loses more than rounding",
                expected="as in float64",
                rtol=0.02,
                atol=0.02,
            )


@promise
def never_waits_for_the_device(subject: Subject) -> None:
    """It traces into one graph, so that no step of it reads a value back from the device."""
    call = 'torch.compile(loss, backend="eager", fullgraph=True)(found, target)'
    with _trial(subject, call=call, note="traced") as case:
        loss, pair = subject.build(), _pair()
        with case.one_graph():
            traced: Callable[[Tensor, Tensor], Tensor] = torch.compile(
                loss, backend="eager", fullgraph=True
            )
            found = traced(*pair)
        case.close(
            found,
            _value(subject, *pair),
            "tracing changes the loss",
            expected="as untraced",
            rtol=1e-5,
            atol=1e-6,
        )


def _moved(subject: Subject, device: torch.device, case: Trial) -> Tensor:
    pair = [each.to(device) for each in _pair()]
    value: Tensor = unmixed(lambda: subject.build()(*pair), case)
    case.require(
        value.device.type == device.type,
        "it is on another device than its inputs",
        expected=str(device),
        found=str(value.device),
    )
    return value


@promise
def follows_the_device_of_its_inputs(subject: Subject) -> None:
    """It works wherever its inputs are: tested on the meta device, which refuses tensors of the
    CPU.
    """
    with _trial(subject, note="on the meta device") as case:
        _moved(subject, torch.device("meta"), case)


@promise
def cuda_gives_the_same(subject: Subject) -> None:
    """On CUDA the loss is that of the CPU within rounding."""
    device = need_cuda()
    with _trial(subject, note="on CUDA") as case:
        case.close(
            _moved(subject, device, case).cpu(),
            _value(subject, *_pair()),
            "CUDA gives another loss than the CPU",
            expected="as on the CPU",
            rtol=1e-5,
            atol=1e-6,
        )


PROMISES = (
    gives_a_finite_scalar,
    is_never_negative,
    the_target_costs_least,
    gradients_are_right,
    works_in_half_precision,
    never_waits_for_the_device,
    follows_the_device_of_its_inputs,
    cuda_gives_the_same,
)
