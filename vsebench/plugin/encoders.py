"""Data types of encoders: token ids of captions and tokenisers, local features with lengths of
their own, and groups of parameters.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

from vsebench.plugin.errors import PluginError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from torch import Tensor
    from torch.nn import Parameter


class LocalFeatures(NamedTuple):
    """Local features with lengths that the encoder decides: `values` [B, N, D] and `lengths` int64
    [B], 1..N.
    """

    values: Tensor
    lengths: Tensor


@dataclass(frozen=True, eq=False)
class ParameterGroup:
    """Parameters of an encoder with a learning rate and frozen epochs of their own; an encoder's
    `parameter_groups()` returns such groups.

    While a group is frozen, its parameters get no gradient and no optimiser state, and every module
    of the encoder that has no other parameters works in evaluation mode: no dropout, and batch
    statistics stay as they were. Over the first epoch after that its learning rate rises linearly
    from zero (the protocol key `unfreeze` says otherwise).

    Attributes:
        parameters: parameters that the encoder owns; none in two groups.
        lr_factor: factor of the protocol's learning rate.
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


@dataclass(frozen=True, eq=False)
class TokenTable:
    """Captions of a split as token ids, one after the other.

    Attributes:
        tokens: int32 [total], each caption with the special tokens that its encoder expects.
        offsets: int64 [n + 1]; caption i is `tokens[offsets[i]:offsets[i + 1]]`.
        words: int32 [total], the word of its caption that each token is a piece of, from 0; -1 for
            tokens that augmentation leaves alone. None when every token is a word.
        cut: number of captions that are longer than the encoder takes, and end early here.
    """

    tokens: np.ndarray
    offsets: np.ndarray
    words: np.ndarray | None = None
    cut: int = 0

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> np.ndarray:
        """int64 [n], tokens of each caption, special ones counted."""
        lengths: np.ndarray = self.offsets[1:] - self.offsets[:-1]
        return lengths


class Tokeniser(Protocol):
    """Captions to the token ids that a text encoder reads. Padding is id 0; an encoder never reads
    it.
    """

    @property
    def mask(self) -> int | None:
        """The id that hides a token in size augmentation; None when there is none, and words cannot
        be augmented.
        """
        ...

    @property
    def replacements(self) -> np.ndarray:
        """int64, the ids that a token may be replaced with in size augmentation: no special
        ones.
        """
        ...

    def __len__(self) -> int:
        """Number of ids."""
        ...

    def encode(self, captions: Sequence[str]) -> TokenTable:
        """Encodes captions; none of them gets less than one token."""
        ...
