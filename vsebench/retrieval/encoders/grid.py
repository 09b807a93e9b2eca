"""The image encoder of grid features: one linear layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

if TYPE_CHECKING:
    from torch import Tensor


class GridEncoder(nn.Module):
    """`fc(x)` on every local feature: what VSE-infinity puts on a grid of features (released code;
    section 5.1 of the paper).

    Args:
        in_dim: size d of a raw feature.
        dim: size D of the shared space.
    """

    def __init__(self, in_dim: int, dim: int) -> None:
        super().__init__()
        self.fc = xavier_linear(in_dim, dim)

    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:  # noqa: ARG002  # every row is projected alike
        """[B, N, d] to [B, N, D]."""
        return self.fc(features)  # type: ignore[no-any-return]


def xavier_linear(in_dim: int, dim: int) -> nn.Linear:
    """A linear layer with Xavier-uniform weights and zero bias."""
    layer = nn.Linear(in_dim, dim)
    nn.init.xavier_uniform_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer
