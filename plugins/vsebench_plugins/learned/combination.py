"""A learnt convex combination of simple poolings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from vsebench.plugin import SpecError, did_you_mean
from vsebench_plugins.classic.poolings import KMax, Max, Mean
from vsebench_plugins.learned.attention import Softmax
from vsebench_plugins.learned.rows import First, Last

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

SIMPLE: dict[str, Callable[[int], nn.Module]] = {
    "mean": lambda _: Mean(),
    "max": lambda _: Max(),
    "kmax": KMax,
    "softmax": lambda _: Softmax(),
    "first": lambda _: First(),
    "last": lambda _: Last(),
}
"""The poolings without parameters, by name, each created with K-max's k."""


class Combo(nn.Module):
    """`combo`: `sum_m softmax(a)_m · pooling_m(X)`, with one learnt weight for each pooling, the
    same in all dimensions; it starts as their average.

    Args:
        of: names of the poolings, joined by `+`.
        k: values that `kmax` averages.

    Raises:
        SpecError: a name is unknown or comes twice.
    """

    def __init__(self, of: str = "mean+max+kmax", k: int = 5) -> None:
        super().__init__()
        self.names = names = of.split("+")
        for name in names:
            if name not in SIMPLE:
                raise SpecError(
                    f"pooling 'combo': parameter 'of' names an unknown simple pooling '{name}': "
                    f"{did_you_mean(name, SIMPLE)}"
                )
            if names.count(name) > 1:
                raise SpecError(
                    f"pooling 'combo': parameter 'of' names '{name}' more than once: name each "
                    "pooling once, joined by '+'"
                )
        self.poolings = nn.ModuleList(SIMPLE[name](k) for name in names)
        self.logits = nn.Parameter(torch.zeros(len(names)))

    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        pooled = torch.stack([pooling(features, lengths) for pooling in self.poolings])
        weights = self.logits.softmax(dim=0)
        return (weights[:, None, None] * pooled).sum(dim=0).to(features.dtype)

    def weights(self) -> dict[str, float]:
        """The share of each pooling."""
        return dict(zip(self.names, self.logits.detach().softmax(dim=0).tolist(), strict=True))
