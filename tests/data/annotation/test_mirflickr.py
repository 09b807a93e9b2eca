from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from tests.data.files import dataset
from vsebench.data.annotation.mirflickr import FILE, MirFlickr
from vsebench.data.open import open_dataset
from vsebench.plugin import DataError

REAL = Path(os.environ.get("VSEBENCH_DATA") or Path(__file__).parents[4] / "shared" / "data")


def test_every_tag_is_in_one_split(tmp_path):
    table = (np.random.default_rng(0).random((30, 12)) < 0.3).astype(np.uint8)
    savemat(tmp_path / FILE, {"YAll": table})
    data = MirFlickr().load(tmp_path)
    rebuilt = np.zeros_like(table)
    for split in data.splits.values():
        rebuilt[split.positives.images(), split.positives.labels] += 1
    np.testing.assert_array_equal(rebuilt, table)
    assert data.n_labels == 12


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"LAll": np.ones((2, 3), np.uint8)}, "has no variable 'YAll'"),
        (
            {"YAll": np.full((2, 3), 2, np.uint8)},
            r"'YAll' is uint8 of shape \(2, 3\)",
        ),
        ({"YAll": np.array([[np.nan, 1.0]])}, "expected zeros and ones"),
    ],
)
def test_a_wrong_table(tmp_path, variables, message):
    savemat(tmp_path / FILE, variables)
    with pytest.raises(DataError, match=message) as error:
        MirFlickr().load(tmp_path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("content", [b"", b"not a matrix", b"\x89HDF\r\n\x1a\n" + bytes(600)])
def test_a_file_that_is_no_matlab_file(tmp_path, content):
    (tmp_path / FILE).write_bytes(content)
    with pytest.raises(DataError, match="is not a MATLAB file that SciPy can read"):
        MirFlickr().load(tmp_path)


def test_a_truncated_or_missing_file(tmp_path):
    with pytest.raises(DataError, match="is missing"):
        MirFlickr().load(tmp_path)
    savemat(tmp_path / FILE, {"YAll": np.ones((200, 30), np.uint8)})
    whole = (tmp_path / FILE).read_bytes()
    (tmp_path / FILE).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"is not a MATLAB file|cannot be read"):
        MirFlickr().load(tmp_path)


@pytest.mark.data
@pytest.mark.skipif(not (REAL / "mirflickr25k_tags").is_dir(), reason=f"MIRFlickr is not in {REAL}")
def test_the_published_file():
    opened = open_dataset(dataset("mirflickr"), {}, data_roots=[REAL], strict=True)
    splits = opened.data.splits
    assert opened.warnings == ()
    assert {name: split.positives.n_pairs for name, split in splits.items()} == {
        "train": 62721,
        "dev": 13349,
        "test": 16738,
    }
    assert (splits["train"].positives.counts > 0).all()
