"""A training step of a small model, D = 128, and its parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from vsebench.kernels.gemm import true_float32
from vsebench.retrieval.encoders.gru import BiGRUEncoder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from conftest import Compare
    from torch import Tensor

BATCH, DIM, IDS = 128, 128, 7_692


@pytest.fixture(autouse=True)
def products_of_training() -> Iterator[None]:
    with true_float32(fast=True):
        yield


class PackedBiGRU(nn.Module):
    """What `bigru` computes, through a packed `nn.GRU` as VSE-infinity's code does it."""

    def __init__(self, encoder: BiGRUEncoder, dim: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(*encoder.embedding.weight.shape)
        self.gru = nn.GRU(self.embedding.embedding_dim, dim, batch_first=True, bidirectional=True)

    def forward(self, words: Tensor, lengths: Tensor) -> Tensor:
        packed = pack_padded_sequence(
            self.embedding(words), lengths, batch_first=True, enforce_sorted=False
        )
        states, _ = pad_packed_sequence(self.gru(packed)[0], batch_first=True)
        ahead, back = states.chunk(2, dim=2)
        return (ahead + back) / 2


def captions(count: int) -> tuple[Tensor, Tensor]:
    """Word ids whose frequencies follow Zipf's law, 13 words on average, one caption of 32."""
    generator = torch.Generator().manual_seed(0)
    lengths = (13.4 + 3 * torch.randn(count, generator=generator)).round().long().clamp(6, 32)
    lengths[0] = 32
    frequency = 1 / torch.arange(1, IDS + 1, dtype=torch.float32)
    words = torch.multinomial(frequency, count * 32, replacement=True, generator=generator)
    return words.view(count, 32), lengths


@pytest.mark.parametrize("dim", [DIM, 1024])
def test_bigru(benchmark: Any, compare: Compare, dim: int) -> None:
    """Forward and backward, against a packed `nn.GRU`."""
    encoder = BiGRUEncoder(IDS, DIM if dim == DIM else 300, dim)
    inputs, upstream = captions(BATCH), torch.randn(BATCH, 32, dim)

    def training(module: nn.Module) -> Callable[[], None]:
        def run() -> None:
            module.zero_grad()
            module(*inputs).backward(upstream)

        return run

    compare(benchmark, training(encoder), training(PackedBiGRU(encoder, dim)), rounds=9)


def test_bigru_inference(benchmark: Any, compare: Compare) -> None:
    """A block of captions as evaluation encodes them, against a packed `nn.GRU`."""
    encoder = BiGRUEncoder(IDS, DIM, DIM)
    packed, inputs = PackedBiGRU(encoder, DIM), captions(512)
    with torch.inference_mode():
        compare(benchmark, lambda: encoder(*inputs), lambda: packed(*inputs), rounds=9)
