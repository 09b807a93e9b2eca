"""Arrays of local features [n, N, d] beyond a plain memory map: quantised, a selection of rows, and
ragged (items of unequal length, stored without padding); all read only the images asked for.

Indexing any of them with an int64 array [b] gathers those images as one array [b, N, d]. `gather`
reads some local features of some images, and of these arrays and of plain ones it reads no others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from vsebench.plugin import FeatureArray


def gather(features: FeatureArray, images: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """Some local features of some images.

    Args:
        features: [n, N, d].
        images: int64 [b].
        positions: int64 [b, k], of each image.

    Returns:
        The features at `positions` of `images`, [b, k, d] of the array's dtype.
    """
    if isinstance(features, QuantisedFeatures | RowSelection | RaggedFeatures):
        return features.gather(images, positions)
    block, items = (
        (features, images)
        if isinstance(features, np.ndarray)
        else (features[images], np.arange(len(images)))
    )
    out: np.ndarray = block[items[:, None], positions]
    return out


@dataclass(frozen=True, eq=False)
class QuantisedFeatures:
    """Integers that stand for `values * scale`, read as float32.

    Attributes:
        values: int8 or uint8 [n, N, d]: a memory map, or a selection of its rows.
        scale: float32 [d].
    """

    values: FeatureArray
    scale: np.ndarray

    @property
    def shape(self) -> tuple[int, ...]:
        return self.values.shape

    @property
    def dtype(self) -> np.dtype:
        return np.dtype(np.float32)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: np.ndarray | slice, /) -> np.ndarray:
        return self._scaled(self.values[index])

    def gather(self, images: np.ndarray, positions: np.ndarray) -> np.ndarray:
        """See the function `gather`."""
        return self._scaled(gather(self.values, images, positions))

    def _scaled(self, values: np.ndarray) -> np.ndarray:
        out = values.astype(np.float32)
        out *= self.scale
        return out


@dataclass(frozen=True, eq=False)
class RowSelection:
    """Some images of a larger array, in any order.

    Attributes:
        base: the array they are in.
        rows: int64 [n], their rows.
    """

    base: FeatureArray
    rows: np.ndarray

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self.rows), *self.base.shape[1:])

    @property
    def dtype(self) -> np.dtype:
        return self.base.dtype

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: np.ndarray | slice, /) -> np.ndarray:
        rows = self.rows[index]
        return self.base[rows if (run := _as_slice(rows)) is None else run]

    def gather(self, images: np.ndarray, positions: np.ndarray) -> np.ndarray:
        """See the function `gather`."""
        return gather(self.base, self.rows[images], positions)


def select_rows(base: np.ndarray, rows: np.ndarray) -> np.ndarray | RowSelection:
    """The given rows of an array: a view where they are evenly spaced and ascending, else a
    `RowSelection`.
    """
    run = _as_slice(rows)
    return RowSelection(base, rows) if run is None else base[run]


def _as_slice(rows: np.ndarray) -> slice | None:
    """The slice that selects the same rows, where one does."""
    if rows.ndim != 1 or len(rows) == 0:
        return None
    step = int(rows[1] - rows[0]) if len(rows) > 1 else 1
    if step <= 0 or rows[0] < 0 or (np.diff(rows) != step).any():
        return None
    return slice(int(rows[0]), int(rows[-1]) + 1, step)


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
        return self._read(self.starts[index], self.counts[index], np.arange(self.longest))

    def gather(self, images: np.ndarray, positions: np.ndarray) -> np.ndarray:
        """See the function `gather`."""
        return self._read(self.starts[images], self.counts[images], positions)

    def _read(self, starts: np.ndarray, counts: np.ndarray, positions: np.ndarray) -> np.ndarray:
        """The rows at `positions` [b, k] or [k] of videos that have `counts` [b] rows from `starts`
        [b] on.
        """
        counts = counts[:, None]
        spread = (2 * positions + 1) * counts // (2 * self.longest)
        chosen = np.where(counts > self.longest, spread, positions)
        inside = positions < counts
        out: np.ndarray = np.zeros((*inside.shape, self.rows.shape[1]), self.rows.dtype)
        out[inside] = self.rows[(starts[:, None] + chosen)[inside]]
        return out
