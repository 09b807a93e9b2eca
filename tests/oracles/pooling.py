"""Poolings by plain loops, and GPO as the paper's code states it: packed nn.GRU and torch.sort."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor


def pool_by_loops(
    features: Tensor, lengths: Tensor, pool: Callable[[list[float]], float]
) -> Tensor:
    """Applies `pool` to the list of valid values of each item and dimension; float64 [B, D]."""
    batch, _, dim = features.shape
    out = torch.zeros(batch, dim, dtype=torch.float64)
    for b in range(batch):
        for d in range(dim):
            out[b, d] = pool(features[b, : int(lengths[b]), d].tolist())
    return out


def mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def k_max(k: int) -> Callable[[list[float]], float]:
    return lambda values: mean(sorted(values, reverse=True)[:k])


def max_avg(w: float) -> Callable[[list[float]], float]:
    return lambda values: w * max(values) + (1 - w) * mean(values)


def sorted_sum(features: Tensor, lengths: Tensor, weights: Tensor) -> Tensor:
    """Differentiable: sorts each item's valid rows alone."""
    rows = []
    for item, length, weight in zip(features, lengths.tolist(), weights, strict=True):
        values = item[:length].sort(dim=0, descending=True, stable=True).values
        rows.append((weight[:length, None] * values).sum(dim=0))
    return torch.stack(rows)


def encoding(n: int, size: int) -> Tensor:
    table = torch.zeros(n, size)
    for k in range(n):
        for j in range(size // 2):
            angle = k * 10000 ** (-2 * j / size)
            table[k, 2 * j], table[k, 2 * j + 1] = math.sin(angle), math.cos(angle)
    return table


def prefix_scores(gru: nn.GRU, head: Tensor, rows: Tensor) -> Tensor:
    """A bidirectional GRU run over each prefix of `rows` [N, I] alone, its directions averaged, and
    scores of its states by `head` [C, H]; [N, N, C] (length − 1, rank, score), zero beyond a
    prefix.
    """
    n = len(rows)
    out = []
    for length in range(1, n + 1):
        states = gru(rows[None, :length])[0][0]
        size = states.shape[1] // 2
        scores = (states[:, :size] + states[:, size:]) / 2 @ head.T
        out.append(torch.cat([scores, scores.new_zeros(n - length, len(head))]))
    return torch.stack(out)


class ReferenceGPO(nn.Module):
    """GPO item by item as published: a packed bidirectional nn.GRU over padded encodings, -10000
    masks, torch.sort along the rows.
    """

    def __init__(self) -> None:
        super().__init__()
        self.gru = nn.GRU(32, 32, batch_first=True, bidirectional=True)
        self.linear = nn.Linear(32, 1, bias=False)
        self.encodings: dict[int, Tensor] = {}

    def weights(self, lengths: Tensor) -> Tensor:
        longest = int(lengths.max())
        if longest not in self.encodings:
            self.encodings[longest] = encoding(longest, 32)
        mask = torch.arange(longest) < lengths[:, None]
        positions = (
            self.encodings[longest].to(self.linear.weight.dtype).repeat(len(lengths), 1, 1)
            * mask[:, :, None]
        )
        packed = pack_padded_sequence(
            positions, lengths.cpu(), batch_first=True, enforce_sorted=False
        )
        states, _ = pad_packed_sequence(self.gru(packed)[0], batch_first=True)
        scores = self.linear((states[:, :, :32] + states[:, :, 32:]) / 2).squeeze(-1)
        return torch.softmax(scores.masked_fill(~mask, -10000) / 0.1, dim=1)

    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        weights = self.weights(lengths)
        features = features[:, : weights.shape[1]]
        mask = (torch.arange(weights.shape[1]) < lengths[:, None])[:, :, None]
        ordered = (
            features.masked_fill(~mask, -10000)
            .sort(dim=1, descending=True)
            .values.masked_fill(~mask, 0)
        )
        return (weights[:, :, None] * ordered).sum(dim=1)


def k_max_by_items(features: Tensor, lengths: Tensor, k: int) -> Tensor:
    """Differentiable: one `topk` for each item of the batch."""
    return torch.stack(
        [
            item[:length].topk(min(k, length), dim=0).values.mean(dim=0)
            for item, length in zip(features, lengths.tolist(), strict=True)
        ]
    )


def max_by_masking(features: Tensor, lengths: Tensor) -> Tensor:
    mask = torch.arange(features.shape[1]) < lengths[:, None]
    return features.masked_fill(~mask[:, :, None], -10000).max(dim=1).values


def mean_by_masking(features: Tensor, lengths: Tensor) -> Tensor:
    mask = torch.arange(features.shape[1]) < lengths[:, None]
    return features.masked_fill(~mask[:, :, None], 0).sum(dim=1) / lengths[:, None]
