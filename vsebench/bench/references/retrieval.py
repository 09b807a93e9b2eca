"""Encoding, training, ranking, mining and loading as one would write them first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from vsebench.bench.references.losses import hinges

if TYPE_CHECKING:
    from torch import Tensor


class PackedBiGRU(nn.Module):
    """Word embeddings and a packed bidirectional `nn.GRU`, directions averaged, as in the released
    code of VSE-infinity.

    Args:
        ids: number of token ids.
        word_dim: size of a word embedding.
        dim: size D of a state.
    """

    def __init__(self, ids: int, word_dim: int, dim: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(ids, word_dim)
        self.gru = nn.GRU(word_dim, dim, batch_first=True, bidirectional=True)

    def forward(self, words: Tensor, lengths: Tensor) -> Tensor:
        packed = pack_padded_sequence(
            self.embedding(words), lengths.cpu(), batch_first=True, enforce_sorted=False
        )
        states, _ = pad_packed_sequence(
            self.gru(packed)[0], batch_first=True, total_length=words.shape[1]
        )
        ahead, back = states.chunk(2, dim=2)
        return (ahead + back) / 2


class Regions(nn.Module):
    """A linear layer beside a perceptron, on every region, padding too.

    Args:
        in_dim: size of a region.
        dim: embedding size D.
    """

    def __init__(self, in_dim: int, dim: int) -> None:
        super().__init__()
        self.fc = nn.Linear(in_dim, dim)
        self.first, self.norm = nn.Linear(in_dim, dim // 2), nn.BatchNorm1d(dim // 2)
        self.second = nn.Linear(dim // 2, dim)

    def forward(self, regions: Tensor) -> Tensor:
        hidden = self.norm(self.first(regions).flatten(0, 1)).view(*regions.shape[:2], -1)
        out: Tensor = self.fc(regions) + self.second(hidden.relu())
        return out


def hardest_triplet(image: Tensor, text: Tensor) -> Tensor:
    """The loss of a step, from embeddings before normalisation."""
    captions, images = hinges(
        functional.normalize(image, dim=1) @ functional.normalize(text, dim=1).T
    )
    return captions.max(1)[0].sum() + images.max(0)[0].sum()


def ranks(image: np.ndarray, text: np.ndarray, owner: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The published procedure: a float64 product and one argsort per query; the place of the best
    match in each list.
    """
    scores = image.astype(np.float64) @ text.astype(np.float64).T
    of_images = [np.flatnonzero(owner[np.argsort(-row)] == i)[0] for i, row in enumerate(scores)]
    of_texts = [
        np.flatnonzero(np.argsort(-column) == own)[0]
        for column, own in zip(scores.T, owner, strict=True)
    ]
    return np.array(of_images), np.array(of_texts)


def hardest(
    anchors: np.ndarray, items: np.ndarray, anchor_group: np.ndarray, group: np.ndarray, h: int
) -> np.ndarray:
    """The `h` items of another group with the highest scores, by one argsort per anchor."""
    lists = []
    for anchor, own in zip(anchors, anchor_group, strict=True):
        scores = items @ anchor
        scores[group == own] = -np.inf
        lists.append(np.argsort(-scores)[:h])
    return np.array(lists)


def load(features: np.ndarray, images: np.ndarray, keep: list[np.ndarray]) -> np.ndarray:
    """A batch made as a data set and its `collate` make it: each image fetched, its kept regions
    picked, all copied into one padded array.
    """
    items = [np.array(features[i])[kept] for i, kept in zip(images, keep, strict=True)]
    out = np.zeros((len(items), max(map(len, items)), features.shape[2]), np.float32)
    for row, item in zip(out, items, strict=True):
        row[: len(item)] = item
    return out


def product(rows: int, depth: int, columns: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Two matrices whose product is a floor."""
    return torch.randn(rows, depth, device=device), torch.randn(depth, columns, device=device)
