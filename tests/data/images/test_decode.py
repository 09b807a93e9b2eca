from __future__ import annotations

import io
import os
import threading

import numpy as np
import pytest
from PIL import Image

from vsebench.data.images import decode, open_images
from vsebench.data.images.decode import AHEAD, Crop, ImageLoader, decode_rgb, square, verify_images
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


class Source:
    """Images in memory that count how often they are read."""

    def __init__(self, count: int) -> None:
        rng = np.random.default_rng(0)
        self.content = [
            encoded(Image.fromarray(rng.integers(0, 256, (12 + i, 20, 3)).astype(np.uint8)), "PNG")
            for i in range(count)
        ]
        self.reads = 0
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self.content)

    def read(self, index: int) -> bytes:
        with self._lock:
            self.reads += 1
        return self.content[index]

    def where(self, index: int) -> str:
        return f"image {index}"

    def stamp(self) -> str:
        return ""


def batches(count: int, rng: np.random.Generator):
    for _ in range(count):
        images = rng.integers(0, 10, 4)
        yield (
            images,
            [
                Crop(0.6 + 0.4 * float(r), float(r), 1 - float(r), bool(r < 0.5))
                for r in rng.random(4)
            ],
        )


def test_batches_do_not_depend_on_the_number_of_threads():
    source = Source(10)
    wanted = list(batches(7, np.random.default_rng(1)))
    plain = [
        np.stack(
            [
                square(decode_rgb(source.content[i], ""), 8, crop)
                for i, crop in zip(images, crops, strict=True)
            ]
        )
        for images, crops in wanted
    ]
    for threads in (1, 3, 8):
        loader = ImageLoader(source, 8, threads)
        for found, expected in zip(loader.stream(iter(wanted)), plain, strict=True):
            np.testing.assert_array_equal(found, expected)
        np.testing.assert_array_equal(loader.batch(*wanted[3]), plain[3])
    whole = ImageLoader(source, 8, 2).batch(np.array([9, 0]))
    np.testing.assert_array_equal(
        whole, np.stack([square(decode_rgb(source.content[i], ""), 8) for i in (9, 0)])
    )


def test_no_more_is_decoded_ahead_than_the_bound():
    source = Source(10)
    asked = 0

    def counted():
        nonlocal asked
        for batch in batches(30, np.random.default_rng(1)):
            asked += 1
            yield batch

    stream = ImageLoader(source, 8, 4).stream(counted())
    for done in range(1, 11):
        next(stream)
        assert asked == done + AHEAD
        assert source.reads <= 4 * asked
    stream.close()
    assert asked == 10 + AHEAD


def test_an_empty_stream_and_one_shorter_than_the_bound():
    loader = ImageLoader(Source(10), 8, 2)
    assert list(loader.stream(iter(()))) == []
    assert len(list(loader.stream(batches(1, np.random.default_rng(0))))) == 1
    assert loader.batch(np.array([], np.int64)).shape == (0, 8, 8, 3)


def test_an_image_that_cannot_be_decoded_stops_the_batch_by_name():
    source = Source(10)
    source.content[3] = source.content[3][:60]
    loader = ImageLoader(source, 8, 3)
    with pytest.raises(DataError, match="image image 3 cannot be decoded"):
        loader.batch(np.array([1, 3, 2]))
    with pytest.raises(DataError, match="image image 3 cannot be decoded"):
        list(
            loader.stream([(np.array([0, 1]), None), (np.array([3]), None), (np.array([2]), None)])
        )


@pytest.fixture
def folder(tmp_path):
    for i in range(6):
        path = tmp_path / "pictures" / f"{i}.jpg"
        path.parent.mkdir(exist_ok=True)
        Image.new("RGB", (30, 20), (40 * i, 0, 0)).save(path)
        os.utime(path, (1e9, 1e9))
    return tmp_path / "pictures"


def test_the_hash_is_of_contents_in_order(folder, monkeypatch):
    store = open_images(folder)
    whole = verify_images(store)
    monkeypatch.setattr(decode, "_BLOCK", 2)
    for image in folder.iterdir():
        os.utime(image, (1e9, 1.1e9))
    assert verify_images(store) == whole
    assert verify_images(store.subset([1, 0, 2, 3, 4, 5])) != whole
    (folder / "5.jpg").write_bytes((folder / "4.jpg").read_bytes())
    assert verify_images(store) != whole


def test_the_second_pass_reads_nothing(folder, monkeypatch):
    store, told = open_images(folder), []
    first = verify_images(store, lambda done, total: told.append((done, total)))
    assert told == [(i, 6) for i in range(1, 7)]
    monkeypatch.setattr(type(store), "read", None)
    assert verify_images(store) == first


def test_the_first_damaged_image_is_named(folder):
    for damaged in ("4.jpg", "2.jpg"):
        content = (folder / damaged).read_bytes()
        (folder / damaged).write_bytes(content[: len(content) // 2])
        os.utime(folder / damaged, (1e9, 1e9))
    for _ in range(2):  # a failure is not remembered as anything
        with pytest.raises(DataError, match=r"image .*2\.jpg cannot be decoded"):
            verify_images(open_images(folder))


def test_fresh_files_are_not_remembered(folder):
    (folder / "0.jpg").touch()
    store = open_images(folder)
    first = verify_images(store)
    Image.new("RGB", (30, 20), (1, 2, 3)).save(folder / "0.jpg")
    assert verify_images(store) != first


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_a_small_file_of_very_many_pixels_is_not_decoded() -> None:
    content = encoded(Image.new("1", (13_300, 13_300)), "PNG")
    assert len(content) < 200_000
    with pytest.raises(DataError, match=r"13300 × 13300 pixels, and at most 100,000,000 are"):
        decode_rgb(content, "x.png")


def test_a_program_is_no_image() -> None:
    content = encoded(PLAIN, "EPS")
    with pytest.raises(DataError, match=r"image x\.eps cannot be decoded"):
        decode_rgb(content, "x.eps")


def test_floats_are_not_decoded_to_black() -> None:
    content = encoded(Image.fromarray(np.full((4, 4), 0.5, np.float32)), "TIFF")
    with pytest.raises(DataError, match="its pixels are floats"):
        decode_rgb(content, "x.tif")
