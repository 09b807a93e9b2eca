"""Adaptive Pooling (EACL 2023): a gated sum of two softmax poolings over sorted values."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from vsebench.kernels import softmax_weighted_sum, sorted_values, valid_rows


class AdaptivePooling(nn.Module):
    """`adaptive`: Adaptive Pooling as in the paper's released code (`modules/adcap.py`), with its
    masks fixed by default.

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
        valid = valid_rows(values, lengths)
        rows, counts = (
            (valid, lengths)
            if self.mask_padding
            else (values, torch.full_like(lengths, values.shape[1]))
        )
        branches = torch.stack(
            [
                softmax_weighted_sum(rows, self.token(rows).relu(), counts),
                softmax_weighted_sum(valid, None, lengths),
            ],
            dim=1,
        )
        gates: Tensor = self.gate(branches.to(values.dtype)).softmax(dim=1)
        return (gates * branches).sum(dim=1).to(features.dtype)

    def extra_repr(self) -> str:
        return f"mask_padding={self.mask_padding}"
