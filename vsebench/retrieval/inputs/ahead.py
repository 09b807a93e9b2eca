"""Features that do not fit the device, on their way there while a step computes.

A thread gathers the images of the batches that come next into pinned memory: whole, since which of
their local features stay is drawn later. The copy of the next batch goes in a stream of its own, so
that it is over when its step begins; the device then picks what is drawn.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from vsebench.data.feature_arrays import gather
from vsebench.retrieval.inputs.padded import half, to_device

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import Tensor

    from vsebench.plugin.datasets import FeatureArray

AHEAD = 2
"""Batches that are gathered ahead; with the one that is copied and the one in use, they bound the
memory.
"""


class _Ready(NamedTuple):
    """A batch that is copied, or about to be.

    Attributes:
        images: int64 [B], the images.
        rows: fp16 [B, n, d], their first n local features, on the device.
        copied: mark in the stream that copies, behind the batch; None on the CPU.
    """

    images: np.ndarray
    rows: Tensor
    copied: torch.cuda.Event | None


class FeaturesAhead:
    """The features of announced batches, in order.

    Args:
        features: [n, N, d], on the host.
        lengths: int64 [n], valid local features of each image.
        device: device that they go to.
    """

    def __init__(self, features: FeatureArray, lengths: np.ndarray, device: torch.device) -> None:
        self._features, self._lengths, self._device = features, lengths, device
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="gather")
        self._stream: torch.cuda.Stream | None = None
        if device.type == "cuda":
            self._stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        self._ready: Iterator[_Ready] = iter(())

    def announce(self, batches: Sequence[np.ndarray]) -> None:
        """Announces the images of the coming batches, int64 [B] each; what is left of earlier ones
        is forgotten.
        """
        self._ready = self._copied(self._gathered(batches))

    def take(self, images: np.ndarray, positions: np.ndarray) -> Tensor:
        """Features of the next announced batch.

        Args:
            images: int64 [B], its images.
            positions: int64 [B, n] of each image; positions beyond an image's length may give any
                of its rows.

        Returns:
            fp16 [B, n, d].

        Raises:
            RuntimeError: other images were announced.
        """
        batch = next(self._ready, None)
        if batch is None or not np.array_equal(batch.images, images):
            raise RuntimeError("a training step asks for other images than were announced for it")
        rows = batch.rows
        if batch.copied is not None:
            current = torch.cuda.current_stream(self._device)
            current.wait_event(batch.copied)
            rows.record_stream(current)
        count, width, _ = rows.shape
        index = np.arange(count)[:, None] * width + np.minimum(positions, width - 1)
        return rows.flatten(0, 1)[to_device(index, self._device)]

    def _gathered(self, batches: Sequence[np.ndarray]) -> Iterator[tuple[np.ndarray, Tensor]]:
        """The batches in pinned memory; the next ones are gathered while one is in use."""
        waiting: deque[tuple[np.ndarray, Future[Tensor]]] = deque()
        try:
            for images in batches:
                waiting.append((images, self._pool.submit(self._gather, images)))
                if len(waiting) > AHEAD:
                    first, rows = waiting.popleft()
                    yield first, rows.result()
            while waiting:
                first, rows = waiting.popleft()
                yield first, rows.result()
        finally:
            for _, rows in waiting:
                rows.cancel()

    def _gather(self, images: np.ndarray) -> Tensor:
        positions = np.arange(int(self._lengths[images].max()))
        block = np.broadcast_to(positions, (len(images), len(positions)))
        rows = half(gather(self._features, images, block))
        return rows.pin_memory() if self._device.type == "cuda" else rows

    def _copied(self, batches: Iterator[tuple[np.ndarray, Tensor]]) -> Iterator[_Ready]:
        """The batches on the device; while one is in use, the next one is copied."""
        before: _Ready | None = None
        for images, rows in batches:
            ready = self._copy(images, rows)
            if before is not None:
                yield before
            before = ready
        if before is not None:
            yield before

    def _copy(self, images: np.ndarray, rows: Tensor) -> _Ready:
        if self._stream is None:
            return _Ready(images, rows, None)
        with torch.cuda.stream(self._stream):
            return _Ready(
                images, rows.to(self._device, non_blocking=True), self._stream.record_event()
            )
