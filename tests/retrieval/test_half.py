"""Features that lie on a device in fp16 go into an encoder as they are, where that rounds nothing
that autocast would not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import nn

from vsebench import create
from vsebench.retrieval.frozen import Head
from vsebench.retrieval.model import Tower

if TYPE_CHECKING:
    from torch import Tensor

LENGTHS = torch.tensor([4, 2, 1])


class Frozen:
    """Stands for a frozen encoder; what trains is its head."""

    def __init__(self, head: nn.Module) -> None:
        self.head = head


class Scaling(nn.Module):
    """An encoder whose first operation is no product: it would overflow in fp16."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(6, 8)

    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        assert features.dtype == torch.float32
        return self.fc(features * 1e6)


def features() -> Tensor:
    return torch.randn(3, 4, 6, generator=torch.Generator().manual_seed(0)).half()


@pytest.mark.parametrize(
    "encoder",
    [
        create("image-encoder", "region", in_dim=6, dim=8),
        create("image-encoder", "region:count_padding=true", in_dim=6, dim=8),
        create("image-encoder", "grid", in_dim=6, dim=8),
        Head(Frozen(nn.Linear(6, 8))),  # type: ignore[arg-type]
    ],
)
def test_half_precision_gives_the_same_to_the_last_bit(encoder: Any) -> None:
    assert encoder.reads_half
    tower = Tower(encoder.eval(), create("pooling", "mean"))
    half = features()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert tower.read(half).dtype == torch.float16
        assert torch.equal(tower(half, LENGTHS).raw, tower(half.float(), LENGTHS).raw)
    assert tower.read(half).dtype == torch.float32
    assert torch.equal(tower(half, LENGTHS).raw, tower(half.float(), LENGTHS).raw)


@pytest.mark.parametrize("encoder", [Scaling(), Head(Frozen(nn.Tanh()))])  # type: ignore[arg-type]
def test_other_encoders_are_given_single_precision(encoder: Any) -> None:
    tower = Tower(encoder, create("pooling", "mean"))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert tower.read(features()).dtype == torch.float32
        assert tower(features(), LENGTHS).raw.isfinite().all()


def test_what_is_no_half_precision_stays_as_it_is() -> None:
    tower = Tower(Scaling(), create("pooling", "mean"))
    for dtype in (torch.float32, torch.uint8, torch.int64):
        values = torch.ones(2, dtype=dtype)
        assert tower.read(values) is values
