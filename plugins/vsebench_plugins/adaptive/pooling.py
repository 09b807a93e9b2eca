"""Adaptive Pooling (EACL 2023): a gated sum of two softmax poolings over sorted values."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from vsebench.kernels import softmax_weighted_sum, sorted_values, valid_mask, valid_rows


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
            (valid, lengths) if self.mask_padding else (values, self._all_rows(values, lengths))
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

    def position_weights(self, features: Tensor, lengths: Tensor) -> Tensor:
        """The weights of the ranks of each item and dimension, [B, N, D]: those of the two levels,
        by the gate. Where padding is not masked, it has the rest.
        """
        values = sorted_values(features, lengths).to(self.token.weight.dtype)
        counts = lengths if self.mask_padding else self._all_rows(values, lengths)
        levels = torch.stack(
            [
                _softmax(self.token(values).relu(), counts),
                _softmax(values, lengths),
            ],
            dim=1,
        )
        gates: Tensor = self.gate((levels * values[:, None]).sum(dim=2)).softmax(dim=1)
        weights = (gates[..., None] * levels).sum(dim=1)
        return weights * valid_mask(lengths, values.shape[1])[..., None]

    @staticmethod
    def _all_rows(values: Tensor, lengths: Tensor) -> Tensor:
        return torch.full_like(lengths, values.shape[1])

    def extra_repr(self) -> str:
        return f"mask_padding={self.mask_padding}"


def _softmax(scores: Tensor, lengths: Tensor) -> Tensor:
    """Over the valid ranks of `scores` [B, N, D]."""
    mask = valid_mask(lengths, scores.shape[1])[..., None]
    return scores.masked_fill(~mask, -math.inf).softmax(dim=1)
