"""From files' bytes to RGB squares of a given size, with Pillow, in threads. What comes out depends
on what is asked for only, never on threads or their order.

Our own preprocessing, never a model's processor: which one the library picks, and so which pixels a
model sees, depends on what else is installed.

`verify_images` decodes every image once before anything is trained on them.
"""

from __future__ import annotations

import hashlib
import io
import math
import os
import warnings
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import Image, ImageOps

from vsebench.data.cache import cache_dir, read_note, write_note
from vsebench.plugin import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from vsebench.plugin import ImageSource

_BLOCK = 256
"""Images handed to the threads at a time: what is decoded but not yet looked at stays bounded."""


FORMATS = ("JPEG", "PNG", "GIF", "BMP", "PPM", "TIFF", "WEBP", "JPEG2000")
"""What is decoded, by Pillow's names: pictures, and no programs that another program would run, as
EPS is.
"""

MOST_PIXELS = 100_000_000
"""Of one image; decoded, they take 300 MB. A small file may claim any number."""

# Pillow would warn of images that are near it, in lines of its own
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)


class Crop(NamedTuple):
    """The part of an image that is used: `ratio` of its width and of its height, at `left` and
    `top` (shares of what is cut off), mirrored or not.
    """

    ratio: float
    left: float
    top: float
    flip: bool


def decode_rgb(content: bytes, where: str) -> Image.Image:
    """Decodes a file's content whole: upright as its EXIF orientation says, and RGB whatever it was
    stored as.

    Args:
        content: content of the file.
        where: how an error names it.

    Raises:
        DataError: it is truncated, damaged, too large, or no image of a format that is read.
    """
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            if math.prod(image.size) > MOST_PIXELS:
                width, height = image.size
                raise ValueError(
                    f"it has {width} × {height} pixels, and at most {MOST_PIXELS:,} are decoded"
                )
            image.load()
            return _rgb(ImageOps.exif_transpose(image))
    except MemoryError:
        raise
    except Exception as error:  # of damaged bytes almost any, by where the damage is
        raise DataError(
            f"image {where} cannot be decoded ({error}): get it again, or leave it out of the split"
        ) from error


def square(image: Image.Image, size: int, crop: Crop | None = None) -> np.ndarray:
    """An RGB image as uint8 [size, size, 3]: cropped, stretched to the square without regard to its
    aspect (bilinear, with antialiasing), mirrored.
    """
    box = None
    if crop is not None:
        width, height = image.size
        left, top = crop.left * (1 - crop.ratio) * width, crop.top * (1 - crop.ratio) * height
        box = (
            left,
            top,
            min(width, left + crop.ratio * width),
            min(height, top + crop.ratio * height),
        )
    resized = image.resize((size, size), Image.Resampling.BILINEAR, box=box)
    pixels = np.asarray(resized)
    return pixels[:, ::-1] if crop is not None and crop.flip else pixels


def _rgb(image: Image.Image) -> Image.Image:
    """Any mode but floats as RGB. Transparency is dropped, the colours beneath it stay; of 16-bit
    greys the upper 8 bits are kept.
    """
    if image.mode == "RGB":
        return image
    if image.mode == "F":  # whose range nothing says: 0…1 would all be black
        raise ValueError("its pixels are floats, whose range is not known: convert it to 8 bits")
    if image.mode.startswith("I"):
        values = np.asarray(image).astype(np.int64)
        return Image.fromarray((values >> 8).clip(0, 255).astype(np.uint8)).convert("RGB")
    if "transparency" in image.info:
        image = image.convert("RGBA")
    return image.convert("RGB")


AHEAD = 2
"""Batches that are decoded before they are asked for; with the one in use, they bound the
memory.
"""


class ImageLoader:
    """Decodes images of a source.

    Args:
        source: the images.
        size: side of the squares they become, in pixels.
        threads: number of threads that decode; Pillow lets them run at the same time.
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


def verify_images(source: ImageSource, report: Callable[[int, int], None] | None = None) -> str:
    """Decodes every image, and returns the SHA-256 of their contents in order.

    Args:
        source: the images.
        report: callback that is told how many of how many are done.

    Raises:
        DataError: the first image that cannot be read or decoded, by name.
    """
    stamp = source.stamp()
    note_path = cache_dir() / "images" / f"{stamp[:16]}.json"
    note = read_note(note_path) if stamp else None
    if note is not None and note.get("stamp") == stamp:
        return str(note["sha256"])
    digest = hashlib.sha256()
    for done, content in enumerate(_decoded(source), start=1):
        digest.update(content)
        if report is not None:
            report(done, len(source))
    if stamp and source.stamp() == stamp:
        write_note(note_path, {"stamp": stamp, "sha256": digest.hexdigest()})
    return digest.hexdigest()


def _decoded(source: ImageSource) -> Iterator[bytes]:
    """The SHA-256 of each image's file, in order, once it has been decoded."""

    def check(index: int) -> bytes:
        content = source.read(index)
        decode_rgb(content, source.where(index))
        return hashlib.sha256(content).digest()

    indices = iter(range(len(source)))
    with ThreadPoolExecutor(usable_cores(), thread_name_prefix="verify") as pool:
        while block := list(islice(indices, _BLOCK)):
            yield from pool.map(check, block)
