"""Poolings, forward and backward, for a batch of images and one of captions, against those that one
would write first: padding masked, whole tensors. The floor is one copy of the features: whatever
pools reads them, and writes their gradients.
"""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Literal, NamedTuple

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
from torch.testing import assert_close

from vsebench.bench.figure import Figure, Work
from vsebench.bench.figures.made import image_lengths, normal, text_lengths, trained
from vsebench.plugin.specs import create

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from vsebench.bench.figure import Setting

Side = Literal["image", "text"]

_FAR = -10000.0
"""What padding counts as, as in the released code of VSE-infinity."""


def valid(lengths: Tensor, n: int) -> Tensor:
    """Bool [B, n, 1]."""
    return (torch.arange(n, device=lengths.device) < lengths[:, None])[:, :, None]


def mean(features: Tensor, lengths: Tensor) -> Tensor:
    """The sum of the valid rows by their number."""
    mask = valid(lengths, features.shape[1])
    return features.masked_fill(~mask, 0).sum(dim=1) / lengths[:, None]


def maximum(features: Tensor, lengths: Tensor) -> Tensor:
    """The maximum where padding is far below."""
    return features.masked_fill(~valid(lengths, features.shape[1]), _FAR).max(dim=1).values


def k_max(features: Tensor, lengths: Tensor, k: int) -> Tensor:
    """One `topk` for each item of the batch."""
    return torch.stack(
        [
            item[:length].topk(min(k, length), dim=0).values.mean(dim=0)
            for item, length in zip(features, lengths.tolist(), strict=True)
        ]
    )


def softmax(features: Tensor, lengths: Tensor) -> Tensor:
    """Every value weighted by its own softmax over the valid rows."""
    mask = valid(lengths, features.shape[1])
    weights = features.masked_fill(~mask, -math.inf).softmax(dim=1)
    return (weights * features.masked_fill(~mask, 0)).sum(dim=1)


def sorted_rows(features: Tensor, lengths: Tensor) -> Tensor:
    """Each dimension's valid values in descending order, then zeros."""
    mask = valid(lengths, features.shape[1])
    ordered = features.masked_fill(~mask, _FAR).sort(dim=1, descending=True).values
    return ordered.masked_fill(~mask, 0)


class GeM(nn.Module):
    """The p-th root of the mean p-th power, p learnt; values below `eps` count as `eps`."""

    def __init__(self, eps: float = 1e-6) -> None:
        super().__init__()
        self.p, self.eps = nn.Parameter(torch.tensor(3.0)), eps

    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        powers = features.clamp(min=self.eps).pow(self.p)
        return mean(powers, lengths).pow(1 / self.p)


class ESA(nn.Module):
    """Softmax weights from a linear map of each row, padding masked.

    Args:
        dim: embedding size D.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.score = nn.Linear(dim, dim)

    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        mask = valid(lengths, features.shape[1])
        scores: Tensor = self.score(features)
        weights = scores.masked_fill(~mask, -math.inf).softmax(dim=1)
        return (weights * features).sum(dim=1)


class SelfAttention(nn.Module):
    """One head of attention over the valid rows, then their mean.

    Args:
        dim: embedding size D.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.query = nn.Linear(dim, dim)
        self.key = nn.Linear(dim, dim)
        self.value = nn.Linear(dim, dim)

    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        mask = valid(lengths, features.shape[1])
        scores = self.query(features) @ self.key(features).transpose(1, 2)
        scores = (scores / math.sqrt(features.shape[2])).masked_fill(
            ~mask.transpose(1, 2), -math.inf
        )
        return mean(scores.softmax(dim=2) @ self.value(features), lengths)


class AdaptivePooling(nn.Module):
    """Two softmax poolings over sorted values, and a gate between them.

    Args:
        dim: embedding size D.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.token = nn.Linear(dim, dim)
        self.gate = nn.Linear(dim, 1)

    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        values = sorted_rows(features, lengths)
        mask = valid(lengths, features.shape[1])
        logits = self.token(values).relu().masked_fill(~mask, -math.inf)
        branches = torch.stack(
            [(logits.softmax(dim=1) * values).sum(dim=1), softmax(values, lengths)], dim=1
        )
        gates: Tensor = self.gate(branches).softmax(dim=1)
        return (gates * branches).sum(dim=1)


class FSPool(nn.Module):
    """Sorted values, weighted by a piecewise linear function for each dimension, item by item.

    Args:
        dim: embedding size D.
        pieces: pieces of the function.
    """

    def __init__(self, dim: int, pieces: int = 20) -> None:
        super().__init__()
        self.pieces = pieces
        self.weight = nn.Parameter(torch.randn(dim, pieces + 1))

    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        pooled = []
        for item, length in zip(features, lengths.tolist(), strict=True):
            values = item[:length].sort(dim=0, descending=True).values
            at = torch.linspace(0, self.pieces, length, device=features.device)
            below = at.floor().long().clamp(max=self.pieces - 1)
            share = at - below
            weights = (1 - share) * self.weight[:, below] + share * self.weight[:, below + 1]
            pooled.append((weights.T * values).sum(dim=0))
        return torch.stack(pooled)


class GPO(nn.Module):
    """GPO as published: a packed bidirectional `nn.GRU` over the ranks' encodings of every item,
    then `torch.sort`. Its parameters have the names of the released code.
    """

    def __init__(self) -> None:
        super().__init__()
        self.gru = nn.GRU(32, 32, batch_first=True, bidirectional=True)
        self.linear = nn.Linear(32, 1, bias=False)

    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        n = features.shape[1]
        mask = valid(lengths, n)
        ranks = rank_encoding(n, 32).to(features.device).expand(len(features), -1, -1)
        packed = pack_padded_sequence(ranks, lengths.cpu(), batch_first=True, enforce_sorted=False)
        states, _ = pad_packed_sequence(self.gru(packed)[0], batch_first=True, total_length=n)
        scores: Tensor = self.linear((states[:, :, :32] + states[:, :, 32:]) / 2)
        weights = (scores.masked_fill(~mask, _FAR) / 0.1).softmax(dim=1)
        return (weights * sorted_rows(features, lengths)).sum(dim=1)


def rank_encoding(n: int, size: int) -> Tensor:
    """Sines and cosines of the ranks [n, size]."""
    angles = torch.arange(n)[:, None] * 10000 ** (-torch.arange(0, size, 2) / size)
    return torch.stack([angles.sin(), angles.cos()], dim=2).flatten(1)


class Opponent(NamedTuple):
    """A plain version of a pooling.

    Attributes:
        make: function from the embedding size to a module whose parameters are named and shaped as
            ours.
        about: what it is.
    """

    make: Callable[[int], nn.Module]
    about: str


class _Plain(nn.Module):
    """A function as a module."""

    def __init__(self, function: Callable[..., Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        return self.function(features, lengths)


POOLINGS = {
    "mean": Opponent(lambda _: _Plain(mean), "masked sum"),
    "max": Opponent(lambda _: _Plain(maximum), "masked maximum"),
    "kmax": Opponent(lambda _: _Plain(partial(k_max, k=5)), "topk per item"),
    "softmax": Opponent(lambda _: _Plain(softmax), "masked softmax"),
    "gem": Opponent(lambda _: GeM(), "masked powers"),
    "gpo": Opponent(lambda _: GPO(), "as published: packed GRU, torch.sort"),
    "fspool": Opponent(FSPool, "sorted item by item"),
    "esa": Opponent(ESA, "masked softmax of a linear layer"),
    "selfattn": Opponent(SelfAttention, "masked attention"),
    "adaptive": Opponent(AdaptivePooling, "torch.sort, masked softmax"),
}


def work(name: str, side: Side, setting: Setting) -> Work:
    """A batch of 128 of the size of VSE-infinity at full size."""
    size, dim = setting.pick(tiny=(6, 16), quick=(64, 256), full=(128, 1024))
    lengths = image_lengths(size) if side == "image" else text_lengths(size)
    features = normal(size, int(lengths.max()), dim, seed=1).to(setting.device).requires_grad_()
    lengths = lengths.to(setting.device)
    torch.manual_seed(0)
    ours = create("pooling", name, dim=dim).to(setting.device)
    theirs = POOLINGS[name].make(dim).to(setting.device)
    theirs.load_state_dict(ours.state_dict())
    upstream = normal(size, dim, seed=2).to(setting.device)

    def agree() -> None:
        for module in (ours, theirs):
            trained(module, upstream, features, lengths)()
        assert_close(ours(features, lengths), theirs(features, lengths), rtol=1e-3, atol=1e-4)

    values = features.detach()
    return Work(
        ours=trained(ours, upstream, features, lengths),
        reference=trained(theirs, upstream, features, lengths),
        floor=values.clone,
        agree=agree,
        amount=2 * values.numel() * values.element_size() / 1e9,
        unit="GB of features and gradients",
    )


FIGURES = tuple(
    Figure(
        f"pooling/{name} {side}",
        partial(work, name, side),
        reference=opponent.about,
        floor="a copy of the features",
    )
    for name, opponent in POOLINGS.items()
    for side in ("image", "text")
)
