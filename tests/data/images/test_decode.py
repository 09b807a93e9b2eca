from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from vsebench.data.images.decode import Crop, decode_rgb, square
from vsebench.plugin import DataError

RED = (200, 30, 40)


def encoded(image: Image.Image, form: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def left_right(
    left: tuple[int, ...], right: tuple[int, ...], width: int = 64, height: int = 40
) -> Image.Image:
    pixels = np.empty((height, width, 3), np.uint8)
    pixels[:, : width // 2], pixels[:, width // 2 :] = left, right
    return Image.fromarray(pixels)


PLAIN = left_right(RED, (20, 60, 220))


def _palette_with_transparency() -> bytes:
    image = PLAIN.convert("P", palette=Image.Palette.ADAPTIVE)
    return encoded(image, "PNG", transparency=bytes([0] * 8))


def _oriented(orientation: int) -> bytes:
    """A JPEG whose EXIF says that it must be turned to look like PLAIN."""
    back = {
        3: Image.Transpose.ROTATE_180,
        6: Image.Transpose.ROTATE_90,
        8: Image.Transpose.ROTATE_270,
        2: Image.Transpose.FLIP_LEFT_RIGHT,
    }
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encoded(PLAIN.transpose(back[orientation]), "JPEG", quality=95, exif=exif)


@pytest.mark.parametrize(
    "content",
    [
        encoded(PLAIN, "PNG"),
        encoded(PLAIN, "JPEG", quality=95),
        encoded(PLAIN, "JPEG", quality=95, progressive=True),
        encoded(PLAIN.convert("CMYK"), "JPEG", quality=95),
        encoded(PLAIN.convert("RGBA"), "PNG"),
        encoded(PLAIN.convert("P", palette=Image.Palette.ADAPTIVE), "PNG"),
        _palette_with_transparency(),
        encoded(PLAIN, "GIF"),
        encoded(PLAIN, "WEBP", lossless=True),
        encoded(PLAIN, "BMP"),
        encoded(PLAIN, "TIFF"),
        *map(_oriented, (2, 3, 6, 8)),
    ],
)
def test_every_form_of_an_image_becomes_the_same_upright_rgb(content):
    image = decode_rgb(content, "x")
    assert (image.mode, image.size) == ("RGB", PLAIN.size)
    np.testing.assert_allclose(
        np.asarray(image).astype(int)[:, 8:24], np.asarray(PLAIN).astype(int)[:, 8:24], atol=12
    )
    np.testing.assert_allclose(
        np.asarray(image).astype(int)[:, 40:56], np.asarray(PLAIN).astype(int)[:, 40:56], atol=12
    )


@pytest.mark.parametrize("mode", ["L", "LA", "1", "I;16"])
def test_greys_become_three_equal_channels(mode):
    grey = np.tile(np.array([0, 255], np.uint8).repeat(20), (30, 1))
    image = (
        Image.fromarray(grey.astype(np.uint16) * 257)
        if mode == "I;16"
        else Image.fromarray(grey).convert(mode)
    )
    assert image.mode == mode
    np.testing.assert_array_equal(
        np.asarray(decode_rgb(encoded(image, "PNG"), "x")), np.repeat(grey[..., None], 3, axis=2)
    )


def test_of_16_bit_greys_the_upper_bits_count():
    values = np.arange(0, 65536, 16, dtype=np.uint16).reshape(64, 64)
    decoded = np.asarray(decode_rgb(encoded(Image.fromarray(values), "PNG"), "x"))
    np.testing.assert_array_equal(decoded[..., 0], values >> 8)


JPEG = encoded(
    Image.fromarray(
        np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8).astype(np.uint8)
    ),
    "JPEG",
)
PNG = encoded(
    Image.fromarray(
        np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8).astype(np.uint8)
    ),
    "PNG",
)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html>not found</html>",
        JPEG[:10],
        JPEG[: len(JPEG) // 2],
        PNG[: len(PNG) // 2],
        PNG[:40],
        PNG[:100] + b"\0" * 200 + PNG[300:],
        b"\0" * 500,
    ],
    ids=[
        "empty",
        "html",
        "jpeg head",
        "half a jpeg",
        "half a png",
        "png head",
        "damaged png",
        "zeros",
    ],
)
def test_what_cannot_be_decoded_is_named_in_one_line(content):
    with pytest.raises(DataError, match=r"image pictures/7\.jpg cannot be decoded") as error:
        decode_rgb(content, "pictures/7.jpg")
    assert "\n" not in str(error.value)


def test_a_square_is_stretched_whatever_the_aspect():
    wide = square(left_right(RED, (0, 0, 255), 90, 10), 16)
    assert (wide.shape, wide.dtype) == ((16, 16, 3), np.uint8)
    np.testing.assert_array_equal(wide[:, :7], np.broadcast_to(np.array(RED, np.uint8), (16, 7, 3)))
    np.testing.assert_array_equal(
        wide[:, 9:], np.broadcast_to(np.array((0, 0, 255), np.uint8), (16, 7, 3))
    )
    assert square(Image.new("RGB", (1, 1), RED), 8).tolist() == [[list(RED)] * 8] * 8


def test_an_image_of_the_right_size_is_not_touched():
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (24, 24, 3)).astype(np.uint8))
    np.testing.assert_array_equal(square(image, 24), np.asarray(image))
    np.testing.assert_array_equal(square(image, 24, Crop(1.0, 0.3, 0.8, False)), np.asarray(image))
    np.testing.assert_array_equal(
        square(image, 24, Crop(1.0, 0.3, 0.8, True)), np.asarray(image)[:, ::-1]
    )


def test_a_crop_is_the_part_that_it_names():
    # a ramp of positions: channel 0 is the column, channel 1 the row, so a crop's corners can be
    # read off
    columns, rows = np.meshgrid(np.arange(200), np.arange(100))
    image = Image.fromarray(
        np.stack([columns, 2 * rows, np.zeros_like(rows)], axis=2).astype(np.uint8)
    )
    crop = Crop(0.6, left=0.25, top=0.75, flip=False)
    left, top, width, height = 0.25 * 0.4 * 200, 0.75 * 0.4 * 100, 0.6 * 200, 0.6 * 100
    out = square(image, 20, crop).astype(float)
    centres = (np.arange(20) + 0.5) / 20
    np.testing.assert_allclose(
        out[:, 2:-2, 0], np.broadcast_to((left + centres * width)[2:-2], (20, 16)), atol=1
    )
    np.testing.assert_allclose(
        out[2:-2, :, 1], np.broadcast_to(2 * (top + centres * height)[2:-2, None], (16, 20)), atol=2
    )
    np.testing.assert_array_equal(
        square(image, 20, crop._replace(flip=True)), square(image, 20, crop)[:, ::-1]
    )
