"""The real Flickr8k: its text files as a Karpathy JSON, its grid features as a file per image."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from tests.data.files import dataset
from vsebench.data import flickr8k
from vsebench.data.open import open_dataset
from vsebench.data.prepare.audit import audit, audit_features
from vsebench.data.prepare.gather import Request
from vsebench.data.prepare.karpathy import SETS
from vsebench.data.prepare.prepare import prepare
from vsebench.data.reading import read_lines

REAL = (
    Path(os.environ.get("VSEBENCH_DATA") or Path(__file__).parents[4] / "shared" / "data")
    / "flickr8k"
)


@pytest.mark.data
def test_prepared_it_is_the_published_set(tmp_path):
    if not (REAL / flickr8k.TOKENS).is_file():
        pytest.skip(
            f"Flickr8k is not in {REAL}: set VSEBENCH_DATA to the folder that holds flickr8k/"
        )
    original = open_dataset(dataset("flickr8k"), {"dim": 16}, data_roots=[REAL]).data.splits
    source, images = tmp_path / "in", []
    source.mkdir()
    for split, name in (("val", "dev"), ("test", "test"), ("train", "train")):
        for row, file in enumerate(read_lines(REAL / flickr8k.SPLITS[name])):
            np.save(source / f"{file}.npy", original[name].features[row])
            sentences = [{"raw": text} for text in original[name].captions[5 * row : 5 * row + 5]]
            images.append(
                {"imgid": len(images), "filename": file, "split": split, "sentences": sentences}
            )
    (source / "dataset_flickr8k.json").write_text(json.dumps({"images": images}))
    prepare(Request("flickr8k", source, tmp_path / "out", dtype="float32"), lambda *_: None)
    opened = open_dataset(dataset("precomp"), {}, data_roots=[tmp_path / "out"])
    for name, split in original.items():
        rows = np.arange(len(split.lengths))
        np.testing.assert_array_equal(opened.data.splits[name].features[rows], split.features[rows])
        assert opened.data.splits[name].captions == split.captions
    found = [
        *audit(opened, published_counts=False),
        *audit_features(
            tmp_path / "out",
            ("train", "dev", "test"),
            SETS["flickr8k"],
            source / "dataset_flickr8k.json",
        ),
    ]
    assert {finding.verdict for finding in found} == {"ok"}
