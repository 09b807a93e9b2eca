"""The first-party methods on a GPU: the CPU's results, and no wait for the device inside a training
step.
"""

from __future__ import annotations

import copy
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
import torch
from torch.nn.functional import normalize
from torch.testing import assert_close

from vsebench import create
from vsebench.plugin import LossInputs, LossOutput
from vsebench_plugins.aoq.negatives import ROLES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor, nn

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]


POOLINGS = (
    *(
        "mean",
        "max",
        "maxavg",
        "kmax:k=3",
        "first",
        "last",
        "softmax",
        "gem",
        "fspool",
        "esa",
        "selfattn",
        "seq2seq",
        "gcn-mean",
        "gcn-seq2seq",
        "adaptive",
    ),
    *(
        "combo:of=mean+max+kmax",
        "gpo",
        "gpo:generator=transformer",
        "gpo:generator=mlp",
        "gpo:weights=per-dimension",
        "gpo:reads=both",
    ),
)
LOSSES = (
    "sum-hinge",
    "triplet",
    "infonce",
    "infonce:learned=true",
    "siglip",
    "selhn",
    "adaptive",
    "adaptive:mode=constant",
    "aoq",
    "aoq:terms=offtri",
)


@contextmanager
def no_sync() -> Iterator[None]:
    torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode("default")


def pooled(pooling: nn.Module, features: Tensor, lengths: Tensor) -> tuple[Tensor, ...]:
    features = features.detach().requires_grad_()
    out = pooling(features, lengths)
    return (out, *torch.autograd.grad(out.square().sum(), [features, *pooling.parameters()]))


@pytest.mark.parametrize("spec", POOLINGS)
def test_poolings(spec: str) -> None:
    torch.manual_seed(0)
    pooling = create("pooling", spec, dim=40)
    features, lengths = torch.randn(8, 12, 40), torch.tensor([12, 1, 3, 7, 7, 2, 11, 5])
    expected = pooled(pooling, features, lengths)
    on_device, x, n = copy.deepcopy(pooling).cuda(), features.cuda(), lengths.cuda()
    pooled(on_device, x, n)  # libraries are loaded here
    with no_sync():
        out = pooled(on_device, x, n)
    assert_close(tuple(t.cpu() for t in out), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("spec", LOSSES)
def test_losses(spec: str) -> None:
    torch.manual_seed(0)
    losses = {device: create("loss", spec, dim=40, batch_size=16) for device in ("cpu", "cuda")}
    losses["cuda"] = (
        losses["cuda"].cuda() if isinstance(losses["cuda"], torch.nn.Module) else losses["cuda"]
    )
    vectors = [normalize(torch.randn(16, 40), dim=1) for _ in range(6)]

    def value(image: Tensor, text: Tensor, *others: Tensor) -> Tensor:
        positives = torch.arange(16, device=image.device)[:, None] == torch.arange(
            16, device=image.device
        )
        out = losses[image.device.type](
            LossInputs(
                image,
                text,
                positives,
                similarity=(image[:, None] * text).sum(dim=2),
                offline=dict(zip(ROLES, others, strict=True)),
            )
        )
        return out.loss if isinstance(out, LossOutput) else out

    on_device = [vector.cuda() for vector in vectors]
    value(*on_device)  # libraries are loaded here
    with no_sync():
        result = value(*on_device)
    assert_close(result.cpu(), value(*vectors), rtol=1e-4, atol=1e-4)
