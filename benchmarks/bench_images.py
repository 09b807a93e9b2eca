"""Raw images against plain ways to do the same: reading from a tar, a training batch, the pass that
proves images sound.
"""

from __future__ import annotations

import io
import os
import tarfile
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from vsebench.data.images import open_images
from vsebench.data.images.decode import ImageLoader, verify_images
from vsebench.plugin import Key
from vsebench.retrieval.inputs.augment import draw_crops

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.conftest import Compare

COUNT, SIZE = 256, 224
MEAN, STD = np.array([0.485, 0.456, 0.406], np.float32), np.array([0.229, 0.224, 0.225], np.float32)


@pytest.fixture(scope="module")
def tar(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """256 JPEGs of 500 × 375 pixels in a tar that was written long ago."""
    path = tmp_path_factory.mktemp("images") / "images.tar"
    rng = np.random.default_rng(0)
    with tarfile.open(path, "w") as archive:
        for number in range(COUNT):
            small = Image.fromarray(rng.integers(0, 256, (38, 50, 3)).astype(np.uint8))
            buffer = io.BytesIO()
            small.resize((500, 375), Image.Resampling.BICUBIC).save(buffer, "JPEG")
            member = tarfile.TarInfo(f"{number:04d}.jpg")
            member.size = buffer.tell()
            archive.addfile(member, io.BytesIO(buffer.getvalue()))
    os.utime(path, (1e9, 1e9))
    return path


@pytest.fixture(autouse=True, scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    os.environ["VSEBENCH_CACHE"] = str(tmp_path_factory.mktemp("cache"))


def test_open_and_read_a_tar(tar: Path, benchmark: Any, compare: Compare) -> None:
    """Opening a known tar and reading 32 images of it, against a loader that asks tarfile for each
    by name.
    """
    chosen = np.random.default_rng(1).integers(0, COUNT, 32).tolist()

    def by_name() -> list[bytes]:
        with tarfile.open(tar) as archive:
            return [archive.extractfile(f"{i:04d}.jpg").read() for i in chosen]  # type: ignore[union-attr]

    def by_offset() -> list[bytes]:
        store = open_images(tar)
        return [store.read(i) for i in chosen]

    assert by_offset() == by_name()
    compare(benchmark, by_offset, by_name, rounds=15)


def test_a_training_batch(tar: Path, benchmark: Any, compare: Compare) -> None:
    """64 cropped, mirrored squares as bytes, normalised by the encoder, against the usual chain:
    crop, resize, flip, float, normalise, stack.
    """
    store, images = open_images(tar), np.arange(64)
    crops = draw_crops(Key(0).generator(), 64)
    loader = ImageLoader(store, SIZE, 1)

    def chain() -> np.ndarray:
        out = []
        for i, crop in zip(images.tolist(), crops, strict=True):
            image = Image.open(io.BytesIO(store.read(i))).convert("RGB")
            left, top = (
                crop.left * (1 - crop.ratio) * image.width,
                crop.top * (1 - crop.ratio) * image.height,
            )
            image = image.crop(
                (
                    round(left),
                    round(top),
                    round(left + crop.ratio * image.width),
                    round(top + crop.ratio * image.height),
                )
            )
            image = image.resize((SIZE, SIZE), Image.Resampling.BILINEAR)
            image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if crop.flip else image
            out.append(((np.asarray(image, np.float32) / 255 - MEAN) / STD).transpose(2, 0, 1))
        return np.stack(out)

    ours = (loader.batch(images, crops).astype(np.float32) / 255 - MEAN) / STD
    assert np.abs(ours.transpose(0, 3, 1, 2) - chain()).mean() < 0.05
    compare(benchmark, lambda: loader.batch(images, crops), chain)


def test_the_second_verification(tar: Path, benchmark: Any, compare: Compare) -> None:
    """What a command pays for images that were proven before, against decoding them again."""
    store = open_images(tar)
    verify_images(store)

    def again() -> None:
        for i in range(COUNT):
            Image.open(io.BytesIO(store.read(i))).load()

    compare(benchmark, lambda: verify_images(open_images(tar)), again)
