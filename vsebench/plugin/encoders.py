"""What an encoder may return besides a tensor, and what it may say of how its parameters train."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from vsebench.plugin.errors import PluginError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor
    from torch.nn import Parameter


class LocalFeatures(NamedTuple):
    """Local features of an encoder that decides itself how many there are: `values` [B, N, D] and
    `lengths` int64 [B], 1..N.
    """

    values: Tensor
    lengths: Tensor


@dataclass(frozen=True, eq=False)
class ParameterGroup:
    """Parameters of an encoder that train at a pace of their own; `parameter_groups()` of an
    encoder returns such groups.

    While a group is frozen, its parameters get no gradient and no optimiser state, and every module
    of the encoder that has no other parameters works in evaluation mode: no dropout, and batch
    statistics stay as they were. Over the first epoch after that its learning rate rises linearly
    from zero (the protocol key `unfreeze` says otherwise).

    Attributes:
        parameters: that the encoder owns; none in two groups.
        lr_factor: of the protocol's learning rate.
        frozen_epochs: whole epochs, from the start, in which they do not train; `math.inf` for
            ever.
    """

    parameters: Sequence[Parameter]
    lr_factor: float = 1.0
    frozen_epochs: float = 0

    def __post_init__(self) -> None:
        if not 0 <= self.lr_factor < float("inf") or not self.frozen_epochs >= 0:
            raise PluginError(
                f"a parameter group has lr_factor {self.lr_factor} and frozen_epochs "
                f"{self.frozen_epochs}: write a finite factor and a number of epochs, neither "
                "below 0"
            )
