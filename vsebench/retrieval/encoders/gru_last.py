"""Words from scratch through a GRU in reading order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

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
