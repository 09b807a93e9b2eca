from __future__ import annotations

import threading

import numpy as np
import pytest
from PIL import Image

from tests.data.images.test_decode import encoded
from vsebench.data.images.decode import AHEAD, Crop, ImageLoader, decode_rgb, square
from vsebench.plugin import DataError


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
