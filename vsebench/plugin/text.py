"""Captions as token ids, and who makes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np


@dataclass(frozen=True, eq=False)
class TokenTable:
    """Captions of a split as token ids, one after the other.

    Attributes:
        tokens: int32 [total], each caption with the special tokens that its encoder expects.
        offsets: int64 [n + 1]; caption i is `tokens[offsets[i]:offsets[i + 1]]`.
        words: int32 [total], the word of its caption that each token is a piece of, from 0; -1 for
            tokens that augmentation leaves alone. None when every token is a word.
    """

    tokens: np.ndarray
    offsets: np.ndarray
    words: np.ndarray | None = None

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
