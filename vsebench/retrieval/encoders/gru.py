"""The text encoders of words from scratch: a GRU in reading order, and a bidirectional one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from vsebench.kernels.bigru import GRUWeights, bigru
from vsebench.kernels.compiled import compiled_kernels_take

if TYPE_CHECKING:
    from torch import Tensor


class GRUEncoder(nn.Module):
    """Word embeddings from scratch and a one-layer GRU in one direction (VSE++, BMVC 2018, section
    3.1; UVS, section 2.2).

    It gives every hidden state; the pooling `last` takes the one that the papers use, of the whole
    caption.

    Args:
        vocabulary_size: number of token ids.
        word_dim: size of a word embedding.
        dim: size D of the shared space, and of the hidden state.
    """

    def __init__(self, vocabulary_size: int, word_dim: int, dim: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary_size, word_dim)
        nn.init.uniform_(self.embedding.weight, -0.1, 0.1)
        self.gru = nn.GRU(word_dim, dim, batch_first=True)

    def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:  # noqa: ARG002  # no state depends on what comes after it
        """`tokens` int64 [B, N] with `lengths` [B] to [B, N, D]."""
        states: Tensor = self.gru(self.embedding(tokens))[0]
        return states


class BiGRUEncoder(nn.Module):
    """Word embeddings from scratch and a one-layer bidirectional GRU, directions averaged
    (VSE-infinity, BiGRU recipe).

    Args:
        vocabulary_size: number of token ids.
        word_dim: size of a word embedding.
        dim: size D of the shared space, and of the hidden state of each direction.
    """

    def __init__(self, vocabulary_size: int, word_dim: int, dim: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary_size, word_dim)
        nn.init.uniform_(self.embedding.weight, -0.1, 0.1)
        self.forward_gru = nn.GRU(word_dim, dim, batch_first=True)
        self.backward_gru = nn.GRU(word_dim, dim, batch_first=True)

    def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        """`tokens` int64 [B, N] with `lengths` [B] to [B, N, D]."""
        vectors = self.embedding.weight
        if compiled_kernels_take(vectors) and not torch.is_autocast_enabled("cpu"):
            return bigru(vectors, tokens, lengths, self._weights())
        words = self.embedding(tokens)
        flip = reversal(lengths, tokens.shape[1])
        forward, _ = self.forward_gru(words)
        backward, _ = self.backward_gru(_take(words, flip))
        return (forward + _take(backward, flip)) / 2  # type: ignore[no-any-return]

    def _weights(self) -> GRUWeights:
        def both(name: str) -> Tensor:
            return torch.stack([getattr(self.forward_gru, name), getattr(self.backward_gru, name)])

        return GRUWeights(
            both("weight_ih_l0"), both("weight_hh_l0"), both("bias_ih_l0"), both("bias_hh_l0")
        )


def reversal(lengths: Tensor, n: int) -> Tensor:
    """Positions [B, n] that reverse each item within its length; padding positions point at
    position 0 and mean nothing.
    """
    return (lengths[:, None] - 1 - torch.arange(n, device=lengths.device)).clamp(min=0)


def _take(values: Tensor, positions: Tensor) -> Tensor:
    return values.gather(1, positions[..., None].expand(-1, -1, values.shape[2]))
