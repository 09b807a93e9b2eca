"""The image encoders of precomputed features: one linear layer (grid features), or a linear layer
beside a perceptron (region features).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional

from vsebench.kernels import padded_rows, valid_mask
from vsebench.kernels.batch_norm import MaskedBatchNorm
from vsebench.kernels.gemm import PACKED_ROWS, round_up_rows

if TYPE_CHECKING:
    from torch import Tensor


class GridEncoder(nn.Module):
    """`fc(x)` on every local feature: what VSE-infinity puts on a grid of features (released code;
    section 5.1 of the paper).

    Args:
        in_dim: size d of a raw feature.
        dim: size D of the shared space.
    """

    reads_half = True

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


class RegionEncoder(nn.Module):
    """`fc(x) + mlp(x)` on every local feature (VSE-infinity, supplementary section 1.1).

    Args:
        in_dim: size d of a raw feature.
        dim: size D of the shared space.
        count_padding: take batch statistics over padding rows too, as the released code does.
    """

    reads_half = True

    def __init__(self, in_dim: int, dim: int, count_padding: bool = False) -> None:
        super().__init__()
        hidden = max(1, dim // 2)
        self.count_padding = count_padding
        self.fc = xavier_linear(in_dim, dim)
        self.mlp_in = nn.Linear(in_dim, hidden)
        self.norm = MaskedBatchNorm(hidden)
        self.mlp_out = nn.Linear(hidden, dim)

    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        """[B, N, d] with `lengths` [B] to [B, N, D]; padding rows of the result are finite and mean
        nothing.
        """
        valid = valid_mask(lengths, features.shape[1])
        if self.count_padding:
            return self._rows(torch.where(valid[..., None], features, 0), torch.ones_like(valid))
        # Gathering the valid rows would make the host wait for their number, or break a graph
        if features.is_cuda or torch.compiler.is_compiling():
            return self._rows(torch.where(valid[..., None], features, 0), valid)
        rows = valid.flatten().nonzero().squeeze(1)
        # As many rows again as round their number up: their results are dropped
        rounded = functional.pad(rows, (0, -len(rows) % PACKED_ROWS))
        packed = self._packed(features.flatten(0, 1)[rounded], len(rows))
        return padded_rows(packed, lengths, features.shape[1])

    def _rows(self, features: Tensor, mask: Tensor) -> Tensor:
        hidden = torch.relu(self.norm(self.mlp_in(features), mask))
        return self.fc(features) + self.mlp_out(hidden)  # type: ignore[no-any-return]

    def _packed(self, rows: Tensor, count: int) -> Tensor:
        """Rows [M, d], of which the first `count` are valid, to [M, D]; the products get all of
        them, and the batch normalisation the valid ones.
        """
        hidden = torch.relu(self.norm(self.mlp_in(rows)[:count]))
        return self.fc(rows).add_(self.mlp_out(round_up_rows(hidden)))  # type: ignore[no-any-return]
