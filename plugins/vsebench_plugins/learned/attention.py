"""Poolings by softmax weights over the rows: parameter-free, from a linear map, and by
self-attention.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import nn

from vsebench.kernels import padded_rows, softmax_weighted_sum, valid_mask, valid_rows

if TYPE_CHECKING:
    from torch import Tensor


def softmax_pool(features: Tensor, lengths: Tensor) -> Tensor:
    """`sum_k x_k · softmax_k(x_k)` over each dimension's valid values: between mean and maximum, at
    temperature 1.

    The embedding-level branch of Adaptive Pooling (arXiv 2210.02206).

    Args:
        features: [B, N, D].
        lengths: int64 [B], 1..N.

    Returns:
        [B, D] in the dtype of `features`, computed in float32 at least.
    """
    return softmax_weighted_sum(features, None, lengths).to(features.dtype)


def attention_received(queries: Tensor, keys: Tensor, lengths: Tensor) -> Tensor:
    """The mean over an item's queries of the scaled dot-product attention that each row receives.

    `w_j = mean_i softmax_j(q_i · k_j / √D)` over valid i and j.

    Args:
        queries: [B, N, D].
        keys: [B, N, D].
        lengths: int64 [B], 1..N.

    Returns:
        [B, N], summing to 1 over an item's valid rows and zero beyond them; float32 at least.
    """
    mask = valid_mask(lengths, keys.shape[1])
    scores = (queries @ keys.transpose(1, 2)) / math.sqrt(keys.shape[2])
    wide = scores.to(torch.promote_types(scores.dtype, torch.float32))
    attention = torch.where(mask[:, None], wide, -math.inf).softmax(dim=2)
    return torch.where(mask[:, :, None], attention, 0).sum(dim=1) / lengths[:, None]


class Softmax(nn.Module):
    """`softmax`: every value weighted by its own softmax."""

    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        return softmax_pool(features, lengths)


class ESA(nn.Module):
    """`esa`: `sum_k x_k · softmax_k(W x_k + b)`, each dimension with weights of its own.

    This is the token-level branch of Adaptive Pooling without its sorting and its ReLU: D² + D
    parameters.

    Args:
        dim: embedding size D.
    """

    def __init__(self, *, dim: int) -> None:
        super().__init__()
        self.score = nn.Linear(dim, dim)

    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        rows = valid_rows(features, lengths).to(self.score.weight.dtype)
        return softmax_weighted_sum(rows, self.score(rows), lengths).to(features.dtype)


class SelfAttention(nn.Module):
    """`selfattn`: one head of scaled dot-product self-attention over the valid rows, then their
    mean; 3 (D² + D) parameters.

    The mean of the attended values is the value map of one weighted mean of the rows, as the
    weights sum to 1: values are never computed row by row.

    Args:
        dim: embedding size D.
    """

    def __init__(self, *, dim: int) -> None:
        super().__init__()
        self.query = nn.Linear(dim, dim)
        self.key = nn.Linear(dim, dim)
        self.value = nn.Linear(dim, dim)

    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        valid = valid_rows(features, lengths).to(self.query.weight.dtype)
        rows, queries, keys = (
            padded_rows(each, lengths) for each in (valid, self.query(valid), self.key(valid))
        )
        weights = attention_received(queries, keys, lengths)
        pooled: Tensor = self.value((rows * weights[:, :, None]).sum(dim=1).to(rows.dtype))
        return pooled.to(features.dtype)
