"""From caption indices to the padded, augmented tensors of a training step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch.nn import functional

from vsebench.retrieval.inputs.augment import augment_words, compact

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from vsebench.plugin import Tokeniser
    from vsebench.retrieval.inputs.image_batches import ImageBatches
    from vsebench.retrieval.inputs.tables import TextTable


class Kept(NamedTuple):
    """Which of the local features that an encoder makes stay: their positions int64 [B, n], and how
    many of these are valid, int64 [B].
    """

    positions: Tensor
    lengths: Tensor


class Padded(NamedTuple):
    """A padded batch [B, N, ...] and the valid lengths int64 [B] of its items; of raw images, what
    stays of the features that become of them.
    """

    values: Tensor
    lengths: Tensor
    kept: Kept | None = None


@dataclass(frozen=True)
class Augmenter:
    """Builds augmented training inputs; every random choice comes from the generator that it is
    given.

    Attributes:
        images: builds the image half.
        texts: the training captions.
        tokeniser: of the captions.
        augment_words: share of words masked, replaced or removed.
        device: where the tensors go.
    """

    images: ImageBatches
    texts: TextTable
    tokeniser: Tokeniser
    augment_words: float
    device: torch.device

    def text_batch(self, captions: np.ndarray, rng: np.random.Generator) -> Padded:
        tokens, lengths = self.texts.gather(captions)
        changed, keep = augment_words(
            tokens, self.texts.words(captions), lengths, self.augment_words, self.tokeniser, rng
        )
        positions, kept = compact(keep)
        return Padded(
            to_device(np.take_along_axis(changed, positions, axis=1), self.device),
            to_device(kept, self.device),
        )


def join(batches: Sequence[Padded]) -> Padded:
    """Several batches of token ids as one, padded to the longest."""
    longest = max(batch.values.shape[1] for batch in batches)
    values = [
        functional.pad(batch.values, (0, longest - batch.values.shape[1])) for batch in batches
    ]
    return Padded(torch.cat(values), torch.cat([batch.lengths for batch in batches]))


def to_device(array: np.ndarray, device: torch.device) -> Tensor:
    """A host array on the device, without making the host wait."""
    tensor = torch.from_numpy(np.ascontiguousarray(array))
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor


def positives(image_ids: Tensor, sibling_mask: bool) -> Tensor:
    """Which captions are no negatives of which image, bool [B, B]: the pair itself and, with
    `sibling_mask`, every caption of the same image.
    """
    if sibling_mask:
        return image_ids[:, None] == image_ids
    return torch.eye(len(image_ids), dtype=torch.bool, device=image_ids.device)
