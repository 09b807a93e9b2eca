"""Images that a program has at hand: files by path, or opened with Pillow."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from PIL import Image

from vsebench.files import read_bytes
from vsebench.plugin import DataError, MissingError

if TYPE_CHECKING:
    GivenImage: TypeAlias = str | os.PathLike[str] | Image.Image


@dataclass(frozen=True, eq=False)
class GivenImages:
    """An `ImageSource` of such images.

    Attributes:
        images: each a path or a Pillow image.
    """

    images: tuple[GivenImage, ...]

    def __post_init__(self) -> None:
        for index, image in enumerate(self.images):
            if not isinstance(image, str | os.PathLike | Image.Image):
                raise DataError(
                    f"image {index} is a {type(image).__name__}: expected a path or a Pillow image"
                )

    def __len__(self) -> int:
        return len(self.images)

    def read(self, index: int) -> bytes:
        image = self.images[index]
        if isinstance(image, Image.Image):
            return _encoded(image)
        try:
            return read_bytes(Path(image))
        except FileNotFoundError:
            raise MissingError(f"image {image} does not exist") from None
        except ValueError as error:
            raise DataError(f"image {image} cannot be read: {error}") from None
        except OSError as error:
            raise DataError(f"image {image} cannot be read: {error.strerror}") from error

    def where(self, index: int) -> str:
        image = self.images[index]
        return f"{index}" if isinstance(image, Image.Image) else str(image)

    def stamp(self) -> str:
        return ""


def _encoded(image: Image.Image) -> bytes:
    """A file without loss, as every image is decoded from one."""
    buffer = io.BytesIO()
    try:
        image.save(buffer, "PNG", compress_level=0, exif=image.getexif())
    except OSError:  # a mode that PNG does not have, such as CMYK
        image.convert("RGB").save(buffer, "PNG", compress_level=0, exif=image.getexif())
    return buffer.getvalue()
