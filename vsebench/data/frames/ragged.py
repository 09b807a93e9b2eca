"""Feature arrays of unequal length, stored without padding."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class RaggedFeatures:
    """Local features of n videos whose rows lie one after the other; padded with zeros where they
    are read.

    A video with more than N frames is represented by N of them, the middle ones of N equal pieces.

    Attributes:
        rows: [total, d] of all videos: a memory map.
        starts: int64 [n], the first row of each video.
        counts: int64 [n], rows of each video, at least 1.
        longest: N, rows of a video that are used at most.
    """

    rows: np.ndarray
    starts: np.ndarray
    counts: np.ndarray
    longest: int

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self.starts), self.longest, self.rows.shape[1])

    @property
    def dtype(self) -> np.dtype:
        return self.rows.dtype

    @property
    def lengths(self) -> np.ndarray:
        """int64 [n], valid rows of each video as read."""
        lengths: np.ndarray = np.minimum(self.counts, self.longest)
        return lengths

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, index: np.ndarray | slice, /) -> np.ndarray:
        counts = self.counts[index][:, None]
        position = np.arange(self.longest)
        spread = (2 * position + 1) * counts // (2 * self.longest)
        chosen = np.where(counts > self.longest, spread, position)
        inside = position < counts
        out: np.ndarray = np.zeros((*inside.shape, self.rows.shape[1]), self.rows.dtype)
        out[inside] = self.rows[(self.starts[index][:, None] + chosen)[inside]]
        return out
