"""What a pooling returns and its gradients, for items of any number of rows, in any precision."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import torch
from torch import nn

from vsebench.kernels import sorted_values
from vsebench.plugin import PoolingOutput
from vsebench.testing.check import NotCheckedError, promise
from vsebench.testing.poolings.ragged import Ragged, items, parts, pool, square_sum, trial
from vsebench.testing.trial import IN_DOUBLE

if TYPE_CHECKING:
    from torch import Tensor

    from vsebench.testing.subject import Subject
    from vsebench.testing.trial import Trial


TOLERANCE = {torch.float16: 0.01, torch.bfloat16: 0.05}


@promise
def gives_an_embedding_per_item(subject: Subject) -> None:
    """It is a module that gives a finite embedding [B, D] of the features' dtype, or a set or a
    Gaussian of such, for any B, N and D.
    """
    for inputs in (Ragged(), Ragged((1,), rows=1), Ragged((40, 3, 7), rows=40, dim=24)):
        with trial(subject, inputs) as case:
            pooling = subject.build(dim=inputs.dim)
            case.require(
                isinstance(pooling, nn.Module),
                "it is not a torch.nn.Module",
                found=type(pooling).__name__,
            )
            features, lengths = inputs.tensors()
            output = pooling(features, lengths)
            _check_parts(case, parts(output), inputs)
            if isinstance(output, PoolingOutput):
                _check_extras(case, output)


def _check_parts(case: Trial, found: dict[str, Tensor], inputs: Ragged) -> None:
    batch, dim = len(inputs.lengths), inputs.dim
    for name, tensor in found.items():
        wanted = "[B, K, D]" if name == "vectors" else "[B, K]" if name == "mask" else "[B, D]"
        sizes = {
            "[B, K, D]": (batch, *tensor.shape[1:2], dim),
            "[B, K]": (batch, *tensor.shape[1:2]),
            "[B, D]": (batch, dim),
        }[wanted]
        shape, dtype = tuple(tensor.shape), torch.bool if name == "mask" else torch.float32
        case.require(
            shape == sizes and 0 not in shape,
            f"its {name} has the wrong shape",
            expected=f"{wanted} = {list(sizes)}",
            found=str(list(shape)),
        )
        case.require(
            tensor.dtype == dtype,
            f"its {name} has the wrong dtype",
            expected=str(dtype),
            found=str(tensor.dtype),
        )
        case.finite(tensor, f"its {name} is not finite")
    if "mask" in found:
        case.require(
            bool(found["mask"].any(dim=1).all()),
            "its set of an item is empty",
            expected="at least one valid vector an item",
        )


def _check_extras(case: Trial, output: PoolingOutput) -> None:
    for name, loss in output.losses.items():
        case.require(
            loss.dim() == 0,
            f"its loss '{name}' is no scalar",
            expected="[]",
            found=str(list(loss.shape)),
        )
        case.finite(loss, f"its loss '{name}' is not finite")
    for name, value in output.diagnostics.items():
        case.require(
            not value.requires_grad,
            f"its diagnostic '{name}' keeps the graph of a step alive",
            expected="a detached tensor",
        )


@promise
def takes_one_row_and_full_items(subject: Subject) -> None:
    """Items of one row and items without padding are embedded like any others."""
    ones = Ragged((1, 1, 1), rows=9)
    with trial(subject, ones, "p(x, n), p(x[:, :1], n)") as case:
        pooling, (features, lengths) = subject.build(dim=ones.dim), ones.tensors()
        alone = pool(pooling, features[:, :1].contiguous(), lengths)
        case.finite(square_sum(alone), "the embedding of one row is not finite")
        case.all_close(
            pool(pooling, features, lengths),
            alone,
            "one row gives another embedding with padding",
            expected="as without",
            rtol=1e-5,
            atol=1e-5,
        )
    full = Ragged((7, 7, 7), rows=7)
    with trial(
        subject, full, "p(x, n), torch.cat([p(x[i : i + 1], n[i : i + 1]) for i in range(3)])"
    ) as case:
        features, lengths = full.tensors()
        together = pool(pooling, features, lengths)
        for i in range(3):
            single = pool(pooling, features[i : i + 1], lengths[i : i + 1])
            case.all_close(
                items(together, slice(i, i + 1)),
                single,
                "a full item differs in a batch",
                expected="as alone",
                rtol=1e-5,
                atol=1e-5,
            )


@promise
def takes_an_empty_batch(subject: Subject) -> None:
    """An empty batch gives an empty embedding, with and without gradients."""
    inputs = Ragged((), rows=4)
    for grad in (True, False):
        with (
            torch.set_grad_enabled(grad),
            trial(subject, inputs, note="with gradients" if grad else "under no_grad") as case,
        ):
            features, lengths = inputs.tensors()
            found = pool(subject.build(dim=inputs.dim), features.requires_grad_(grad), lengths)
            for name, tensor in found.items():
                case.require(
                    len(tensor) == 0 and tensor.dim() > 1,
                    f"its {name} has the wrong shape",
                    expected="[0, D]",
                    found=str(list(tensor.shape)),
                )
            if grad:
                torch.autograd.backward(square_sum(found))


@promise
def takes_any_memory_layout(subject: Subject) -> None:
    """Features that are not contiguous in memory give the same embedding."""
    inputs = Ragged()
    with trial(
        subject,
        inputs,
        "p(x.permute(2, 1, 0).contiguous().permute(2, 1, 0), n)",
        note="transposed in memory",
    ) as case:
        pooling, (features, lengths) = subject.build(dim=inputs.dim), inputs.tensors()
        strided = features.permute(2, 1, 0).contiguous().permute(2, 1, 0)
        what = "the memory layout of the features changes the embedding"
        case.all_close(
            pool(pooling, strided, lengths),
            pool(pooling, features, lengths),
            what,
            expected="as contiguous",
            rtol=1e-5,
            atol=1e-5,
        )


@promise
def leaves_its_inputs_alone(subject: Subject) -> None:
    """Features and lengths are not changed in place."""
    inputs = Ragged(padding=3.0)
    with torch.no_grad(), trial(subject, inputs, "p(x, n), x, n") as case:
        features, lengths = inputs.tensors()
        subject.build(dim=inputs.dim)(features, lengths)
        for found, wanted, name in zip(
            (features, lengths), inputs.tensors(), ("features", "lengths"), strict=True
        ):
            case.close(found, wanted, f"it changes its {name}", expected=f"the {name} as they were")


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


@promise
def shows_the_weights_that_it_uses(subject: Subject) -> None:
    """Where it has `position_weights`, the sorted values summed with them are its embedding, and no
    weight lies beyond an item's length.
    """
    for inputs in (Ragged(), Ragged((1, 1), rows=4), Ragged((5, 5, 5), rows=5)):
        pooling, (features, lengths) = subject.build(dim=inputs.dim), inputs.tensors()
        weigh = getattr(pooling, "position_weights", None)
        if weigh is None:
            raise NotCheckedError("it has no position_weights to show")
        with torch.no_grad(), trial(subject, inputs, "p.position_weights(x, n), p(x, n)") as case:
            weights = weigh(features, lengths)
            plain, per_dimension = list(features.shape[:2]), list(features.shape)
            case.require(
                list(weights.shape) in (plain, per_dimension),
                "its weights have the wrong shape",
                expected=f"[B, N] = {plain} or [B, N, D] = {per_dimension}",
                found=str(list(weights.shape)),
            )
            case.finite(weights, "a weight is not finite")
            whole = weights if weights.dim() == 3 else weights[..., None]
            case.require(
                not bool(whole[~inputs.mask].any()),
                "a position beyond an item's length has a weight",
                expected="zeros there",
            )
            found = parts(pooling(features, lengths))
            case.require(
                "embedding" in found,
                "it shows weights of values, but returns no weighted sum",
                expected="a tensor [B, D]",
                found=", ".join(found),
            )
            case.all_close(
                {"embedding": (whole * sorted_values(features, lengths)).sum(dim=1)},
                found,
                "the sorted values summed with its weights are another embedding",
                expected="what it returns",
                rtol=1e-4,
                atol=1e-5,
            )
