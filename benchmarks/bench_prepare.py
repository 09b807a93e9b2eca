"""Data preparation against the plain scripts that people write for it."""

from __future__ import annotations

import base64
import csv
import hashlib
import shutil
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from vsebench.data.prepare.feature_writer import Work, write_features
from vsebench.data.prepare.source import SplitFeatures
from vsebench.data.prepare.tsv import TsvFiles

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.conftest import Compare

IMAGES, REGIONS, WIDTH = 256, 36, 2048
FIELDS = ("image_id", "image_w", "image_h", "num_boxes", "boxes", "features")


@pytest.fixture(scope="module")
def tsv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Bottom-up-attention features of 256 images, 100 MB."""
    path = tmp_path_factory.mktemp("tsv") / "trainval_36.tsv"
    rng = np.random.default_rng(0)
    boxes = base64.b64encode(bytes(16 * REGIONS))
    with path.open("wb") as file:
        for image in range(IMAGES):
            features = np.maximum(rng.standard_normal((REGIONS, WIDTH), dtype=np.float32), 0)
            file.write(
                b"\t".join(
                    [
                        str(image).encode(),
                        b"640",
                        b"480",
                        str(REGIONS).encode(),
                        boxes,
                        base64.b64encode(features.tobytes()),
                    ]
                )
                + b"\n"
            )
    return path


def test_index_tsv(tsv: Path, benchmark: Any, compare: Compare) -> None:
    """Images and numbers of boxes of a TSV file, against reading its lines with the csv module."""
    csv.field_size_limit(sys.maxsize)

    def with_csv() -> dict[str, int]:
        with tsv.open() as file:
            return {
                row["image_id"]: int(row["num_boxes"])
                for row in csv.DictReader(file, FIELDS, delimiter="\t")
            }

    def indexed() -> dict[str, int]:
        source = TsvFiles(tsv.parent, [tsv])
        return {image: source.shape(image)[0] for image in map(str, range(IMAGES))}

    assert indexed() == with_csv()
    compare(benchmark, indexed, with_csv)


def test_write_table(tsv: Path, tmp_path: Path, benchmark: Any, compare: Compare) -> None:
    """TSV to a checked, hashed float16 table in bounded memory, against csv, a stack in memory,
    numpy.save, and a pass each for the check and the hash.
    """
    csv.field_size_limit(sys.maxsize)
    source = TsvFiles(tsv.parent, [tsv])
    rows = SplitFeatures(
        source, [str(image) for image in range(IMAGES)], np.full(IMAGES, REGIONS), WIDTH
    )

    def plain() -> str:
        with tsv.open() as file:
            images = [
                np.frombuffer(base64.b64decode(row["features"]), np.float32).reshape(REGIONS, WIDTH)
                for row in csv.DictReader(file, FIELDS, delimiter="\t")
            ]
        table = np.stack(images).astype(np.float16)
        assert np.isfinite(table).all()
        np.save(tmp_path / "plain.npy", table)
        return hashlib.sha256((tmp_path / "plain.npy").read_bytes()).hexdigest()

    def prepared() -> str:
        shutil.rmtree(tmp_path / "out", ignore_errors=True)
        (tmp_path / "out").mkdir()
        return write_features(
            Work(tmp_path / "out", "plan", []),
            "ims.npy",
            rows,
            np.dtype(np.float16),
            lambda _: None,
        ).sha256

    assert prepared() == plain()
    compare(benchmark, prepared, plain, rounds=3)
    benchmark.extra_info["images_per_second"] = IMAGES / benchmark.stats["median"]
