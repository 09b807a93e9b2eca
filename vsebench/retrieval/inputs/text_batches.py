"""The text half of a training batch: augmented token ids, or states of a frozen encoder."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING
from typing import Protocol as Role

import numpy as np

from vsebench.retrieval.inputs.augment import augment_words, compact, keep_words
from vsebench.retrieval.inputs.padded import Padded, bucket, to_device, widen
from vsebench.retrieval.inputs.splits import Captions

if TYPE_CHECKING:
    import torch

    from vsebench.plugin import Tokeniser
    from vsebench.retrieval.inputs.splits import CaptionStates


class TextBatches(Role):
    """Builds the text half of training batches; every random choice comes from the generator that
    it is given.
    """

    def batch(self, captions: np.ndarray, rng: np.random.Generator) -> Padded:
        """The batch of `captions` [B]."""
        ...


@dataclass(frozen=True)
class TokenBatches:
    """Batches of token ids.

    Attributes:
        table: the training captions.
        tokeniser: tokeniser of the captions.
        rate: share of words masked, replaced or removed.
        device: where the tensors go.
        static: batches are padded to few widths.
    """

    table: Captions
    tokeniser: Tokeniser
    rate: float
    device: torch.device
    static: bool = False

    @cached_property
    def _longest(self) -> int:
        return int(self.table.lengths.max(initial=1))

    def batch(self, captions: np.ndarray, rng: np.random.Generator) -> Padded:
        tokens, lengths = self.table.gather(captions)
        changed, keep = augment_words(
            tokens, self.table.words(captions), lengths, self.rate, self.tokeniser, rng
        )
        positions, kept = compact(keep)
        left = np.take_along_axis(changed, positions, axis=1)
        if self.static:
            left = widen(left, bucket(left.shape[1], self._longest))
        return Padded(to_device(left, self.device), to_device(kept, self.device))


@dataclass(frozen=True)
class StateBatches:
    """Batches of the states that a frozen encoder gives whole captions.

    Attributes:
        table: states of the training captions.
        drop: share of words dropped, with the states of all their pieces.
        static: batches are padded to few widths.
    """

    table: CaptionStates
    drop: float
    static: bool = False

    @cached_property
    def _longest(self) -> int:
        return int(self.table.lengths.max(initial=1))

    def batch(self, captions: np.ndarray, rng: np.random.Generator) -> Padded:
        keep = keep_words(self.table.lengths[captions], self.table.words(captions), self.drop, rng)
        positions, kept = compact(keep)
        if self.static:
            positions = widen(positions, bucket(positions.shape[1], self._longest))
        return Padded(self.table.gather(captions, positions), to_device(kept, self.table.device))


def text_batches(
    texts: Captions | CaptionStates,
    tokeniser: Tokeniser,
    rate: float,
    device: torch.device,
    static: bool = False,
) -> TextBatches:
    """What builds the text half of a run's batches.

    Args:
        texts: texts of the training split.
        tokeniser: tokeniser of its captions.
        rate: share of words that augmentation chooses.
        device: where the tensors go.
        static: batches are padded to few widths.
    """
    if isinstance(texts, Captions):
        return TokenBatches(texts, tokeniser, rate, device, static)
    return StateBatches(texts, rate, static)
