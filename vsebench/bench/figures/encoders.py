"""The text encoder of words, in training and as evaluation uses it. The floor is its matrix
products over the valid words.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
from torch.testing import assert_close

from vsebench.bench.figure import Figure, Work
from vsebench.bench.figures.made import (
    captions,
    linear_products,
    normal,
    products,
    text_lengths,
    trained,
)
from vsebench.plugin.specs import create

if TYPE_CHECKING:
    from torch import Tensor

    from vsebench.bench.figure import Setting

IDS = 7_692
"""Of Flickr30K: words seen four times."""


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


def work(setting: Setting, *, wide: bool, training: bool) -> Work:
    """A batch of 128 captions in training, 512 in evaluation."""
    dim = (
        setting.pick(tiny=8, quick=128, full=1024)
        if wide
        else setting.pick(tiny=8, quick=128, full=128)
    )
    word_dim = 300 if dim == 1024 else dim
    count = setting.pick(tiny=4, quick=128 if training else 256, full=128 if training else 512)
    words, lengths = captions(count, IDS).to(setting.device), text_lengths(count).to(setting.device)
    torch.manual_seed(0)
    ours = create("text-encoder", "bigru", vocabulary_size=IDS, word_dim=word_dim, dim=dim)
    theirs = PackedBiGRU(IDS, word_dim, dim)
    _share(ours, theirs)
    ours.to(setting.device), theirs.to(setting.device)
    total = int(lengths.sum())
    layers = [
        *linear_products(total, word_dim, 3 * dim) * 2,
        *linear_products(total, dim, 3 * dim) * 2,
    ]
    valid = torch.arange(words.shape[1], device=setting.device) < lengths[:, None]

    def agree() -> None:
        found, wanted = (module(words, lengths)[valid] for module in (ours, theirs))
        assert_close(found, wanted, rtol=1e-3, atol=1e-4)

    if training:
        upstream = normal(count, words.shape[1], dim).to(setting.device)
        mine, plain = (trained(module, upstream, words, lengths) for module in (ours, theirs))
    else:
        layers = [(total, word_dim, 3 * dim), (total, dim, 3 * dim)] * 2
        mine, plain = (
            torch.inference_mode()(partial(module, words, lengths)) for module in (ours, theirs)
        )
    return Work(
        mine,
        plain,
        floor=products(layers, setting.device),
        agree=torch.no_grad()(agree),
        amount=total,
        unit="words",
    )


def _share(ours: nn.Module, theirs: PackedBiGRU) -> None:
    """Gives the plain encoder our parameters."""
    state = ours.state_dict()
    renamed = {"embedding.weight": state["embedding.weight"]}
    for direction, end in (("forward_gru", ""), ("backward_gru", "_reverse")):
        for name in ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"):
            renamed[f"gru.{name}{end}"] = state[f"{direction}.{name}"]
    theirs.load_state_dict(renamed)


FIGURES = (
    Figure(
        "encoder/bigru small",
        partial(work, wide=False, training=True),
        reference="a packed nn.GRU",
        floor="its products",
    ),
    Figure(
        "encoder/bigru",
        partial(work, wide=True, training=True),
        reference="a packed nn.GRU",
        floor="its products",
        on_cpu=("tiny", "full"),
        on_cuda=("tiny", "full"),
    ),
    Figure(
        "encoder/bigru inference",
        partial(work, wide=False, training=False),
        reference="a packed nn.GRU",
        floor="its products",
    ),
)
