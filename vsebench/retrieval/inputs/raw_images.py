"""Raw images of a split, decoded when they are needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from vsebench.data.images.decode import ImageLoader, usable_cores

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from torch import Tensor

    from vsebench.data.images.decode import Crop
    from vsebench.plugin import ImageSource


class RawImages:
    """The raw images of a split, for encoders that take them.

    Args:
        source: the images.
        device: where batches are needed.
        threads: that decode. They change no result.
    """

    dim = 3
    """Channels of a pixel."""

    def __init__(self, source: ImageSource, device: torch.device, threads: int) -> None:
        self.lengths = np.ones(len(source), np.int64)
        self.device = device
        self._source = source
        self._threads = threads
        self._loaders: dict[int, ImageLoader] = {}

    def __len__(self) -> int:
        return len(self.lengths)

    def loader(self, size: int) -> ImageLoader:
        """Decodes to squares of `size` pixels, in threads of its own."""
        return self._loaders.setdefault(size, ImageLoader(self._source, size, self._threads))

    def batches(
        self, loader: ImageLoader, batches: Iterable[tuple[np.ndarray, Sequence[Crop] | None]]
    ) -> Iterator[Tensor]:
        """The pixels of each batch of images, uint8 [B, 3, S, S] on the device; the next ones are
        decoded meanwhile.
        """
        return (self.to_device(pixels) for pixels in loader.stream(batches))

    def to_device(self, pixels: np.ndarray) -> Tensor:
        """Pixels uint8 [B, S, S, 3] as [B, 3, S, S] on the device (the channels last in memory, as
        convolutions like them).
        """
        tensor = torch.from_numpy(pixels)
        if self.device.type == "cuda":
            tensor = tensor.pin_memory().to(self.device, non_blocking=True)
        return tensor.permute(0, 3, 1, 2)


def decoding_threads(device: torch.device, threads: int, concurrency: int) -> int:
    """Threads that decode for one run: its own number on the CPU, where they compete with the
    training, and a fair share of the cores otherwise.

    Args:
        device: that the run uses.
        threads: of the run's protocol.
        concurrency: runs at a time.
    """
    return threads if device.type == "cpu" else max(1, usable_cores() // concurrency)
