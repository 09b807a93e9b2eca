"""Decodes batches of images in threads. What comes out depends on what is asked for only, never on
the number of threads.
"""

from __future__ import annotations

import os
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

from vsebench.data.images.decode import Crop, decode_rgb, square

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from vsebench.plugin import ImageSource

AHEAD = 2
"""Batches that are decoded before they are asked for; with the one in use, they bound the
memory.
"""


class ImageLoader:
    """Decodes images of a source.

    Args:
        source: the images.
        size: side of the squares they become, in pixels.
        threads: that decode; Pillow lets them run at the same time.
    """

    def __init__(self, source: ImageSource, size: int, threads: int) -> None:
        self.source = source
        self.size = size
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="decode")

    def batch(self, images: np.ndarray, crops: Sequence[Crop] | None = None) -> np.ndarray:
        """Images [B] as uint8 [B, size, size, 3]; whole unless crops are given.

        Raises:
            DataError: an image cannot be decoded; it is named.
        """
        return _wait(*self._submit(images, crops))

    def stream(
        self, batches: Iterable[tuple[np.ndarray, Sequence[Crop] | None]]
    ) -> Iterator[np.ndarray]:
        """As `batch` for each of `batches` in order, the next ones being decoded while one is in
        use.
        """
        waiting: deque[tuple[np.ndarray, list[Future[None]]]] = deque()
        try:
            for images, crops in batches:
                waiting.append(self._submit(images, crops))
                if len(waiting) > AHEAD:
                    yield _wait(*waiting.popleft())
            while waiting:
                yield _wait(*waiting.popleft())
        finally:
            for _, futures in waiting:
                for future in futures:
                    future.cancel()

    def _submit(
        self, images: np.ndarray, crops: Sequence[Crop] | None
    ) -> tuple[np.ndarray, list[Future[None]]]:
        out = np.empty((len(images), self.size, self.size, 3), np.uint8)
        chosen: Sequence[Crop | None] = [None] * len(images) if crops is None else crops
        return out, [
            self._pool.submit(self._decode, out, row, int(image), crop)
            for row, (image, crop) in enumerate(zip(images, chosen, strict=True))
        ]

    def _decode(self, out: np.ndarray, row: int, image: int, crop: Crop | None) -> None:
        out[row] = square(
            decode_rgb(self.source.read(image), self.source.where(image)), self.size, crop
        )


def usable_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _wait(out: np.ndarray, futures: Sequence[Future[None]]) -> np.ndarray:
    for future in futures:
        future.result()
    return out
