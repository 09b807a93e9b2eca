"""A retrieval loss in low precision, traced, after a reload and on other devices."""

from __future__ import annotations

import copy
import dataclasses
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from vsebench.testing.check import promise
from vsebench.testing.devices import need_cuda, unmixed
from vsebench.testing.losses.pairs import (
    Pairs,
    build,
    inputs_of,
    loss_of,
    moved,
    source,
    trial,
    value,
)
from vsebench.testing.subject import DIM

if TYPE_CHECKING:
    from torch import Tensor

    from vsebench.testing.subject import Subject

_MOVED = (
    'from vsebench.testing.losses.pairs import moved; getattr(loss, "to", lambda _: '
    'loss)("{0}")(moved(inputs, "{0}"))'
)


@promise
def works_in_half_precision(subject: Subject) -> None:
    """Embeddings and scores in float16 or bfloat16 give the loss that the same numbers give in
    float32, within 2 %.
    """
    for law in ("random", "collapsed"):
        for dtype in (torch.float16, torch.bfloat16):
            pairs = Pairs("collapsed") if law == "collapsed" else Pairs(batch=12)
            with (
                torch.no_grad(),
                trial(
                    subject, pairs, f"loss({source(subject, pairs, dtype)})", note=f"in {dtype}"
                ) as case,
            ):
                low = inputs_of(subject, pairs, dtype)
                wide = dataclasses.replace(
                    inputs_of(subject, pairs, torch.float64),
                    image=low.image.double(),
                    text=low.text.double(),
                    similarity=low.similarity.double(),
                )
                found = value(subject.build(dim=DIM, batch_size=pairs.batch), low)
                wanted = value(build(subject, pairs.batch), wide)
                what = "it loses more than rounding: compute in float32 at least"
                case.close(
                    found.double(), wanted, what, expected="as in float32", rtol=0.02, atol=1e-3
                )


@promise
def works_under_autocast(subject: Subject) -> None:
    """Under bfloat16 autocast the loss of the same scores is the same, within 2 %."""
    pairs = Pairs(batch=12)
    with (
        torch.no_grad(),
        trial(
            subject,
            pairs,
            'torch.autocast("cpu", torch.bfloat16)(lambda: loss(inputs))()',
            note="under autocast",
        ) as case,
    ):
        inputs = inputs_of(subject, pairs, torch.float32)
        with torch.autocast("cpu", torch.bfloat16):
            found = value(subject.build(dim=DIM, batch_size=pairs.batch), inputs)
        case.close(
            found.double(),
            loss_of(subject, pairs),
            "autocast changes the loss",
            expected="as in float32",
            rtol=0.02,
            atol=1e-3,
        )


@promise
def never_waits_for_the_device(subject: Subject) -> None:
    """It traces into one graph, so that no step of it reads a value back from the device
    (`.item()`, a branch on a tensor).
    """
    pairs = Pairs()
    with trial(
        subject,
        pairs,
        'torch.compile(loss, backend="eager", fullgraph=True)(inputs)',
        note="traced",
    ) as case:
        inputs, loss = inputs_of(subject, pairs), build(subject, pairs.batch)

        def compute(image: Tensor, text: Tensor) -> Tensor:
            return value(
                loss,
                dataclasses.replace(inputs, image=image, text=text, similarity=image @ text.T),
            )

        with case.one_graph():
            found = torch.compile(compute, backend="eager", fullgraph=True)(
                inputs.image, inputs.text
            )
        case.close(
            found,
            loss_of(subject, pairs),
            "tracing changes the loss",
            expected="as untraced",
            rtol=1e-6,
            atol=1e-9,
        )


@promise
def its_state_is_in_its_state_dict(subject: Subject) -> None:
    """What it keeps from batch to batch is in its state dict: a fresh instance that loads it
    continues in the same way; a loss without one keeps nothing.
    """
    pairs = Pairs(seed=2)
    loss, fresh = build(subject, pairs.batch), build(subject, pairs.batch)
    load = "q.load_state_dict(loss.state_dict()); " if isinstance(loss, nn.Module) else ""
    earlier = Pairs(), Pairs(seed=1)
    call = (
        f"q = {subject.source(dim=DIM, batch_size=pairs.batch)}; "
        f"[loss(each) for each in ({', '.join(source(subject, each) for each in earlier)})]; "
        f"{load}loss(inputs), q(inputs)"
    )
    with trial(subject, pairs, call, note="after two other batches") as case:
        for each in earlier:
            _train(loss, value(loss, inputs_of(subject, each)))
        if isinstance(loss, nn.Module):
            fresh.load_state_dict(loss.state_dict())
        found, wanted = (value(each, inputs_of(subject, pairs)).detach() for each in (fresh, loss))
        what = (
            "it keeps something from batch to batch that is not in its state dict, and is lost "
            "when a run is resumed"
        )
        case.close(found, wanted, what, expected="the same loss", rtol=1e-9, atol=1e-12)


def _train(loss: Any, scalar: Tensor) -> None:
    """A step of its own parameters, so that state that follows them is seen."""
    parameters = (
        [p for p in loss.parameters() if p.requires_grad] if isinstance(loss, nn.Module) else []
    )
    if parameters and scalar.requires_grad:
        for parameter, gradient in zip(
            parameters, torch.autograd.grad(scalar, parameters, allow_unused=True), strict=True
        ):
            if gradient is not None:
                parameter.data -= 1e-3 * gradient


@promise
def follows_the_device_of_its_inputs(subject: Subject) -> None:
    """It works wherever its inputs are: tested on the meta device, which refuses tensors of the
    CPU.
    """
    pairs = Pairs()
    with trial(subject, pairs, _MOVED.format("meta"), note="on the meta device") as case:
        loss = build(subject, pairs.batch)
        loss = loss.to("meta") if isinstance(loss, nn.Module) else loss
        found = unmixed(lambda: value(loss, moved(inputs_of(subject, pairs), "meta")), case)
        case.require(
            found.device.type == "meta",
            "it is on another device than its inputs",
            expected="meta",
            found=str(found.device),
        )


@promise
def cuda_gives_the_same(subject: Subject) -> None:
    """On CUDA the loss is that of the CPU within rounding, gradients stay on the device, and no
    step waits for it.
    """
    device, pairs = need_cuda(), Pairs(batch=12)
    with trial(subject, pairs, _MOVED.format("cuda"), note="on CUDA") as case:
        loss = build(subject, pairs.batch)
        there = (
            copy.deepcopy(loss).to(device)
            if isinstance(loss, nn.Module)
            else build(subject, pairs.batch)
        )
        inputs = moved(inputs_of(subject, pairs), device)
        inputs.similarity.requires_grad_()
        value(there, inputs)  # libraries are loaded here
        torch.cuda.set_sync_debug_mode("error")
        try:
            found = value(there, inputs)
        finally:
            torch.cuda.set_sync_debug_mode("default")
        case.require(
            found.device.type == "cuda",
            "it leaves the device of its inputs",
            expected="cuda",
            found=str(found.device),
        )
        case.close(
            found.cpu(),
            loss_of(subject, pairs),
            "CUDA gives another loss than the CPU",
            expected="as on the CPU",
            rtol=1e-5,
            atol=1e-6,
        )
