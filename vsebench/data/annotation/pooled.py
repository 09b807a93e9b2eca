"""One vector for each image, made of its local features when it is read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from vsebench.plugin import FeatureArray

Pooling = Literal["mean", "grid"]

_BLOCK = 256  # images read at a time


@dataclass(frozen=True, eq=False)
class PooledFeatures:
    """Local features [n, N, d], every one valid, as [n, d'] float32.

    Attributes:
        base: the local features.
        pooling: `mean` of the local features, d' = d; `grid`, one after the other, d' = N · d.
    """

    base: FeatureArray
    pooling: Pooling

    @property
    def shape(self) -> tuple[int, ...]:
        images, positions, dim = self.base.shape
        return (images, dim if self.pooling == "mean" else positions * dim)

    @property
    def dtype(self) -> np.dtype:
        return np.dtype(np.float32)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: np.ndarray | slice, /) -> np.ndarray:
        rows = np.arange(len(self))[index]
        out = np.empty((len(rows), self.shape[1]), np.float32)
        for start in range(0, len(rows), _BLOCK):
            part = slice(start, start + _BLOCK)
            local = np.asarray(self.base[rows[part]], np.float32)
            out[part] = (
                local.mean(axis=1) if self.pooling == "mean" else local.reshape(len(local), -1)
            )
        return out
