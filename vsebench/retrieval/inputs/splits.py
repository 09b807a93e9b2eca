"""The images and captions of a split, gathered batch by batch: features on the device or in their
memory map, raw images that are decoded when they are needed, and captions as token ids or as the
states of a frozen encoder. A batch is an index gather: nothing is tokenised or copied per item.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np
import torch

from vsebench.data.feature_arrays import gather
from vsebench.data.images.decode import ImageLoader, usable_cores
from vsebench.kernels.devices import runs_on_device
from vsebench.retrieval.inputs.ahead import FeaturesAhead
from vsebench.retrieval.inputs.padded import Padded, half, to_device

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from torch import Tensor

    from vsebench.data.images.decode import Crop
    from vsebench.plugin import ImageSource, TokenTable
    from vsebench.plugin.datasets import FeatureArray

_RESIDENT_SHARE = 0.5  # of the device's free memory that the same split of all its runs may take
_BLOCK = 1024  # images that are copied to the device at a time


class ImageFeatures:
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
        self._ahead = (
            FeaturesAhead(features, self.lengths, device)
            if device.type == "cuda" and self._resident is None
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

    def announce(self, batches: Sequence[np.ndarray]) -> None:
        """Announces the images of the coming batches of `take`, int64 [B] each; what does not lie
        on the device is gathered and copied ahead.
        """
        if self._ahead is not None:
            self._ahead.announce(batches)

    def take(self, images: np.ndarray, positions: np.ndarray) -> Tensor:
        """As `gather`, of the next announced batch."""
        if self._ahead is not None:
            return self._ahead.take(images, positions)
        return self.gather(images, positions)

    def gather(self, images: np.ndarray, positions: np.ndarray) -> Tensor:
        """Features at `positions` [B, n] of `images` [B], [B, n, d] on the device: fp16 where they
        lie on it, fp32 otherwise.
        """
        if self._resident is not None:
            index = to_device(images[:, None] * self.positions + positions, self.device)
            return self._resident[index]
        values = gather(self._features, images, positions)
        if values.dtype != np.float32:
            # into NumPy's memory, which has large pages: torch's costs four times as much in page
            # faults; by torch, whose conversion takes a quarter of NumPy's time
            wide = np.empty(values.shape, np.float32)
            torch.from_numpy(wide).copy_(torch.from_numpy(values))
            values = wide
        return to_device(values, self.device)


class CaptionStates:
    """A frozen encoder's states of n captions, one after the other: on the device where they fit,
    in their memory map otherwise.

    Args:
        states: float16 [total, width], a row for each token.
        texts: the captions, which know how many tokens each has, and which words these belong to.
        device: where batches are needed.
    """

    def __init__(self, states: np.ndarray, texts: Captions, device: torch.device) -> None:
        self.lengths = texts.lengths
        self.words = texts.words
        self.device = device
        self._starts = texts.starts
        self._rows = ImageFeatures(states[:, None], np.ones(len(states), np.int64), device)

    def __len__(self) -> int:
        return len(self.lengths)

    def batch(self, captions: np.ndarray, device: torch.device) -> Padded:
        """The states of whole captions [B]."""
        lengths = self.lengths[captions]
        steps = np.arange(int(lengths.max(initial=1)))
        return Padded(
            self.gather(captions, np.broadcast_to(steps, (len(captions), len(steps)))),
            to_device(lengths, device),
        )

    def gather(self, captions: np.ndarray, positions: np.ndarray) -> Tensor:
        """States at `positions` [B, n] of `captions` [B], [B, n, width] on the device: fp16 where
        they lie on it, fp32 otherwise. Positions beyond a caption give its last state.
        """
        inside = np.minimum(positions, self.lengths[captions][:, None] - 1)
        rows = (self._starts[captions][:, None] + inside).ravel()
        states = self._rows.gather(rows, np.zeros((len(rows), 1), np.int64))
        return states.view(*positions.shape, -1)


class Captions:
    """Tokenised captions, padded batch by batch."""

    def __init__(self, tokens: TokenTable) -> None:
        self.lengths = tokens.lengths
        self.cut = tokens.cut
        self._tokens = tokens.tokens
        self._words = tokens.words
        self.starts = tokens.offsets[:-1]

    def __len__(self) -> int:
        return len(self.lengths)

    def digest(self) -> str:
        """SHA-256 of all token ids and lengths, hexadecimal."""
        content = hashlib.sha256(np.ascontiguousarray(self.lengths, "<i8").data)
        content.update(np.ascontiguousarray(self._tokens, "<i4").data)
        return content.hexdigest()

    def gather(self, captions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Token ids int64 [B, longest] of `captions` [B], and their lengths; positions beyond a
        caption's length hold id 0.
        """
        index, inside = self._positions(captions)
        return np.where(inside, self._tokens[index], 0).astype(np.int64), self.lengths[captions]

    def batch(self, captions: np.ndarray, device: torch.device) -> Padded:
        """The token ids of whole captions [B]."""
        tokens, lengths = self.gather(captions)
        return Padded(to_device(tokens, device), to_device(lengths, device))

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
        return np.where(inside, self.starts[captions][:, None] + steps, 0), inside


def _fits(features: FeatureArray, device: torch.device) -> bool:
    free, _ = torch.cuda.mem_get_info(device)
    return 2 * int(np.prod(features.shape)) * runs_on_device() < _RESIDENT_SHARE * free


def _to_device(features: FeatureArray, device: torch.device) -> Tensor:
    """The features as fp16 rows [n · N, d] on the device, copied block by block."""
    n, positions, dim = features.shape
    resident = torch.empty((n * positions, dim), dtype=torch.float16, device=device)
    for start in range(0, n, _BLOCK):
        rows = half(np.asarray(features[start : start + _BLOCK])).view(-1, dim)
        resident[start * positions : start * positions + len(rows)] = rows.to(device)
    return resident


class RawImages:
    """The raw images of a split, for encoders that take them.

    Args:
        source: the images.
        device: where batches are needed.
        threads: number of threads that decode. They change no result.
    """

    dim = 3
    """Channels of a pixel."""

    def __init__(self, source: ImageSource, device: torch.device, threads: int) -> None:
        self.lengths = np.ones(len(source), np.int64)
        self.device = device
        self.source = source
        self._threads = threads
        self._loaders: dict[int, ImageLoader] = {}

    def __len__(self) -> int:
        return len(self.lengths)

    def loader(self, size: int) -> ImageLoader:
        """Decodes to squares of `size` pixels, in threads of its own."""
        return self._loaders.setdefault(size, ImageLoader(self.source, size, self._threads))

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
        device: device that the run uses.
        threads: number of threads in the run's protocol.
        concurrency: runs at a time.
    """
    return threads if device.type == "cpu" else max(1, usable_cores() // max(1, concurrency))
