"""Adaptive Pooling (EACL 2023): a gated sum of two softmax poolings over sorted values."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from vsebench.kernels import sorted_values
from vsebench_plugins.learned.attention import softmax_pool
from vsebench_plugins.learned.rows import softmax_over_rows


class AdaptivePooling(nn.Module):
    """`adaptive`: Adaptive Pooling as in the paper's released code (`modules/adcap.py`), with its
    masks mended by default.

    With Z the values of each dimension in descending order:

        e = sum_k softmax_k(Z_k) · Z_k                  embedding level, no parameters
        t = sum_k softmax_k(ReLU(A Z_k)) · Z_k          "token" level, elementwise in the dimensions
        g = softmax(c(t), c(e));  output = g_0 t + g_1 e

    As each dimension is sorted by itself, Z_k is a rank and no token. A is D → D, c is D → 1, both
    with biases: D² + 2 D + 1 parameters.

    Args:
        mask_padding: leave padding out of the token level's softmax. The released code does not:
            its zero rows take weight at logits ReLU(bias), so that an embedding shrinks with the
            padding of its batch. False reproduces that.
        dim: embedding size D.
    """

    def __init__(self, mask_padding: bool = True, *, dim: int) -> None:
        super().__init__()
        self.mask_padding = mask_padding
        self.token = nn.Linear(dim, dim)
        self.gate = nn.Linear(dim, 1)
        nn.init.xavier_uniform_(self.token.weight)
        nn.init.zeros_(self.token.bias)

    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        """Pools `features` [B, N, D] with `lengths` int64 [B] (1..N) into [B, D]."""
        values = sorted_values(features, lengths).to(self.token.weight.dtype)
        branches = torch.stack(
            [self._token_level(values, lengths), softmax_pool(values, lengths)], dim=1
        )
        gates: Tensor = self.gate(branches.to(values.dtype)).softmax(dim=1)
        return (gates * branches).sum(dim=1).to(features.dtype)

    def _token_level(self, values: Tensor, lengths: Tensor) -> Tensor:
        logits = self.token(values).relu()
        weights = softmax_over_rows(logits, lengths) if self.mask_padding else logits.softmax(dim=1)
        return (weights * values).sum(dim=1)

    def extra_repr(self) -> str:
        return f"mask_padding={self.mask_padding}"
