"""Gradients in double precision, and values in low precision."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import torch

from vsebench.testing.check import NotCheckedError, promise
from vsebench.testing.poolings.ragged import Ragged, pool, trial
from vsebench.testing.trial import IN_DOUBLE

if TYPE_CHECKING:
    from torch import Tensor

    from vsebench.testing.subject import Subject

TOLERANCE = {torch.float16: 0.01, torch.bfloat16: 0.05}


@promise
def gradients_are_right(subject: Subject) -> None:
    """In float64, gradients in features and parameters equal finite differences
    (torch.autograd.gradcheck).
    """
    inputs = Ragged((6, 1, 3, 4), rows=6)
    call = (
        "torch.autograd.gradcheck(lambda x: p.double()(x, n), x.double().requires_grad_(), "
        "fast_mode=True)"
    )
    with trial(subject, inputs, call, note="in float64", expected=IN_DOUBLE):
        pooling = subject.build(dim=inputs.dim).double()
        features, lengths = inputs.tensors(torch.float64)

        def compute(x: Tensor, *_: Tensor) -> tuple[Tensor, ...]:
            return tuple(
                part for part in pool(pooling, x, lengths).values() if part.is_floating_point()
            )

        torch.autograd.gradcheck(
            compute, (features.requires_grad_(), *pooling.parameters()), fast_mode=True
        )


@promise
def works_under_autocast(subject: Subject) -> None:
    """Under bfloat16 autocast, for features of either dtype, the embedding is that of float32
    within rounding.
    """
    inputs = Ragged()
    pooling, (features, lengths) = subject.build(dim=inputs.dim), inputs.tensors()
    for dtype in (torch.bfloat16, torch.float32):
        with (
            torch.no_grad(),
            trial(
                subject,
                inputs,
                f'torch.autocast("cpu", torch.bfloat16)(lambda: p(x.to({dtype}), n))()',
                note=f"{dtype}, autocast",
            ) as case,
        ):
            with torch.autocast("cpu", torch.bfloat16):
                found = pool(pooling, features.to(dtype), lengths)
            wanted = pool(pooling, features.bfloat16().float(), lengths)
            what = "the embedding is another one under autocast"
            case.all_close(found, wanted, what, expected="as in float32", rtol=0.05, atol=0.05)


@promise
def works_in_half_precision(subject: Subject) -> None:
    """A pooling and features in float16 or bfloat16 give the embedding of float32 within rounding,
    in that dtype.
    """
    inputs = Ragged()
    for dtype, tolerance in TOLERANCE.items():
        with (
            torch.no_grad(),
            trial(
                subject, inputs, f"p.to({dtype})(x.to({dtype}), n)", note=f"all in {dtype}"
            ) as case,
        ):
            features, lengths = inputs.tensors(dtype)
            low = subject.build(dim=inputs.dim).to(dtype)
            try:
                found = pool(low, features, lengths)
            except (NotImplementedError, RuntimeError) as error:
                if "not implemented for" in str(error):
                    raise NotCheckedError(
                        f"PyTorch lacks an operation of it in {dtype} on the CPU: {error}"
                    ) from error
                raise
            for name, tensor in found.items():
                wanted_dtype = (
                    f"{dtype}: return it .to(features.dtype), and widen by "
                    "x.to(torch.promote_types(x.dtype, torch.float32))"
                )
                what = f"its {name} has another dtype than its features"
                case.require(
                    name == "mask" or tensor.dtype == dtype,
                    what,
                    expected=wanted_dtype,
                    found=str(tensor.dtype),
                )
            wanted = pool(copy.deepcopy(low).float(), features.float(), lengths)
            case.all_close(
                found,
                wanted,
                "it loses more than rounding in low precision",
                expected="as in float32",
                rtol=tolerance,
                atol=tolerance,
            )
