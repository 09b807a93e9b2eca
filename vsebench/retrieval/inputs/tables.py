"""Training and evaluation inputs as tables: a batch is an index gather, and nothing is tokenised or
copied per item.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from torch import Tensor

    from vsebench.plugin import TokenTable
    from vsebench.plugin.datasets import FeatureArray

_RESIDENT_SHARE = 0.5  # of the device's free memory that a feature table may take
_BLOCK = 1024  # images that are copied to the device at a time


class ImageTable:
    """Local features of n images, on the device where they fit and in their memory map otherwise.

    Args:
        features: [n, N, d], any dtype.
        lengths: int64 [n].
        device: where batches are needed.
    """

    def __init__(self, features: FeatureArray, lengths: np.ndarray, device: torch.device) -> None:
        self.lengths = np.asarray(lengths)
        self.device = device
        self._features = features
        self._resident = (
            _to_device(features, device)
            if device.type == "cuda" and _fits(features, device)
            else None
        )

    def __len__(self) -> int:
        return len(self.lengths)

    @property
    def positions(self) -> int:
        """Padded number of local features N."""
        return int(self._features.shape[1])

    @property
    def dim(self) -> int:
        """Size d of a raw feature."""
        return int(self._features.shape[2])

    def gather(self, images: np.ndarray, positions: np.ndarray) -> Tensor:
        """Features at `positions` [B, n] of `images` [B], as fp32 [B, n, d] on the device."""
        if self._resident is not None:
            index = torch.from_numpy(images[:, None] * self.positions + positions).to(
                self.device, non_blocking=True
            )
            return self._resident[index].float()
        block = np.asarray(self._features[images])
        return torch.from_numpy(
            np.take_along_axis(block, positions[..., None], axis=1).astype(np.float32, copy=False)
        ).to(self.device)


class TextTable:
    """Tokenised captions, padded batch by batch."""

    def __init__(self, table: TokenTable) -> None:
        self.lengths = table.lengths
        self._tokens = table.tokens
        self._words = table.words
        self._starts = table.offsets[:-1]

    def __len__(self) -> int:
        return len(self.lengths)

    def gather(self, captions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Token ids int64 [B, longest] of `captions` [B], and their lengths; positions beyond a
        caption's length hold id 0.
        """
        index, inside = self._positions(captions)
        return np.where(inside, self._tokens[index], 0).astype(np.int64), self.lengths[captions]

    def words(self, captions: np.ndarray) -> np.ndarray | None:
        """The word that each token of `gather` is a piece of, int64 [B, longest], -1 for those that
        augmentation leaves alone; None when each is a word.
        """
        if self._words is None:
            return None
        index, inside = self._positions(captions)
        return np.where(inside, self._words[index], -1).astype(np.int64)

    def _positions(self, captions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Where the tokens of captions lie, [B, longest], and which of these positions are within a
        caption.
        """
        lengths = self.lengths[captions]
        steps = np.arange(int(lengths.max(initial=1)))
        inside = steps < lengths[:, None]
        return np.where(inside, self._starts[captions][:, None] + steps, 0), inside


def _fits(features: FeatureArray, device: torch.device) -> bool:
    free, _ = torch.cuda.mem_get_info(device)
    return 2 * int(np.prod(features.shape)) < _RESIDENT_SHARE * free


def _to_device(features: FeatureArray, device: torch.device) -> Tensor:
    """The table as fp16 rows [n · N, d] on the device, copied block by block."""
    n, positions, dim = features.shape
    table = torch.empty((n * positions, dim), dtype=torch.float16, device=device)
    for start in range(0, n, _BLOCK):
        rows = np.asarray(features[start : start + _BLOCK]).astype(np.float16).reshape(-1, dim)
        table[start * positions : start * positions + len(rows)] = torch.from_numpy(rows).to(device)
    return table
