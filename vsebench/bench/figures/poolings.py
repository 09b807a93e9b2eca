"""Poolings, forward and backward, for a batch of images and one of captions. The floor is one copy
of the features: whatever pools reads them, and writes their gradients.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Literal, NamedTuple

import torch
from torch import nn
from torch.testing import assert_close

from vsebench.bench.figure import Figure, Work
from vsebench.bench.figures.made import image_lengths, normal, text_lengths, trained
from vsebench.bench.references import poolings as plain
from vsebench.plugin.specs import create

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from vsebench.bench.figure import Setting

Side = Literal["image", "text"]


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


class _GeM(nn.Module):
    """The generalised mean with a learnt exponent."""

    def __init__(self) -> None:
        super().__init__()
        self.p = nn.Parameter(torch.tensor(3.0))

    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        return plain.generalised_mean(features, lengths, self.p)


POOLINGS = {
    "mean": Opponent(lambda _: _Plain(plain.mean), "masked sum"),
    "max": Opponent(lambda _: _Plain(plain.maximum), "masked maximum"),
    "kmax": Opponent(lambda _: _Plain(partial(plain.k_max, k=5)), "topk per item"),
    "softmax": Opponent(lambda _: _Plain(plain.softmax), "masked softmax"),
    "gem": Opponent(lambda _: _GeM(), "masked powers"),
    "gpo": Opponent(lambda _: plain.GPO(), "as published: packed GRU, torch.sort"),
    "fspool": Opponent(plain.FSPool, "sorted item by item"),
    "esa": Opponent(plain.ESA, "masked softmax of a linear layer"),
    "selfattn": Opponent(plain.SelfAttention, "masked attention"),
    "adaptive": Opponent(plain.AdaptivePooling, "torch.sort, masked softmax"),
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
