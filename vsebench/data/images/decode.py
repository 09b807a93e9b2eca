"""From a file's bytes to an RGB square of a given size, with Pillow.

Our own preprocessing, never a model's processor: which one the library picks, and so which pixels a
model sees, depends on what else is installed.
"""

from __future__ import annotations

import io
import struct
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps

from vsebench.plugin import DataError


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
        content: of the file.
        where: how an error names it.

    Raises:
        DataError: it is truncated, damaged or no image.
    """
    try:
        with Image.open(io.BytesIO(content)) as image:
            image.load()
            return _rgb(ImageOps.exif_transpose(image))
    except (
        OSError,
        ValueError,
        SyntaxError,
        EOFError,
        struct.error,
        Image.DecompressionBombError,
    ) as error:
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
    """Any mode as RGB. Transparency is dropped, the colours beneath it stay; of 16-bit greys the
    upper 8 bits are kept.
    """
    if image.mode == "RGB":
        return image
    if image.mode.startswith("I"):
        values = np.asarray(image).astype(np.int64)
        return Image.fromarray((values >> 8).clip(0, 255).astype(np.uint8)).convert("RGB")
    if "transparency" in image.info:
        image = image.convert("RGBA")
    return image.convert("RGB")
