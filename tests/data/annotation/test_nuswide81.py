from __future__ import annotations

import os
import zipfile
from pathlib import Path

import numpy as np
import pytest

from tests.data.files import dataset
from vsebench.data.annotation import nuswide81
from vsebench.data.annotation.nuswide81 import CONCEPTS, TRUTH, NusWide81
from vsebench.data.open import open_dataset
from vsebench.plugin import DataError

REAL = Path(os.environ.get("VSEBENCH_DATA") or Path(__file__).parents[4] / "shared" / "data")
NAMES = ["lake", "sky", "dog"]
TABLE = np.array([[1, 1, 0], [0, 0, 0], [1, 1, 1], [0, 1, 0], [0, 1, 1]])


def write(root, *, train: int = 3, edit=None, names=NAMES):
    columns = {
        (name, part): [str(value) for value in values]
        for i, name in enumerate(NAMES)
        for part, values in (("Train", TABLE[:train, i]), ("Test", TABLE[train:, i]))
    }
    if edit:
        edit(columns)
    with zipfile.ZipFile(root / TRUTH, "w") as archive:
        for (name, part), lines in columns.items():
            archive.writestr(
                f"TrainTestLabels/Labels_{name}_{part}.txt", "".join(f"{line}\n" for line in lines)
            )
    with zipfile.ZipFile(root / CONCEPTS, "w") as archive:
        archive.writestr("Concepts81.txt", "".join(f"{name}\r\n" for name in names))
    return root


def table(data) -> np.ndarray:
    found = np.zeros_like(TABLE)
    for split in data.splits.values():
        found[split.positives.images(), split.positives.labels] += 1
    return found


def test_training_images_then_test_images_with_their_rows(tmp_path):
    data = NusWide81().load(write(tmp_path))
    np.testing.assert_array_equal(table(data), TABLE)
    assert data.label_names == NAMES
    assert data.splits["train"].positives.counts[1] == 0  # an image without a concept keeps its row


def test_the_damaged_line_is_read_as_zero_and_no_other(tmp_path, monkeypatch):
    monkeypatch.setattr(nuswide81, "DAMAGED", ("lake", "Train", 1, b"-1130179"))
    damaged = write(
        tmp_path, edit=lambda columns: columns["lake", "Train"].__setitem__(1, "-1130179")
    )
    np.testing.assert_array_equal(table(NusWide81().load(damaged)), TABLE)
    for key, row in ((("lake", "Train"), 0), (("lake", "Test"), 1), (("dog", "Train"), 1)):
        write(
            tmp_path,
            edit=lambda columns, key=key, row=row: columns[key].__setitem__(row, "-1130179"),
        )
        with pytest.raises(
            DataError,
            match=f"Labels_{key[0]}_{key[1]}.txt, line {row + 1}, is '-1130179', expected 0 or 1",
        ):
            NusWide81().load(tmp_path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"edit": lambda columns: columns["sky", "Test"].pop()}, "'sky' has 4 lines, 'lake' has 5"),
        (
            {"edit": lambda columns: columns.pop(("sky", "Test"))},
            "has no file 'TrainTestLabels/Labels_sky_Test.txt'",
        ),
        ({"names": ["lake", "lake"]}, "expected different names"),
        ({"names": []}, "expected different names"),
    ],
)
def test_inconsistent_archives(tmp_path, options, message):
    with pytest.raises(DataError, match=message) as error:
        NusWide81().load(write(tmp_path, **options))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", [TRUTH, CONCEPTS])
def test_missing_and_damaged_archives(tmp_path, name):
    write(tmp_path)
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError, match=f"{name} is not a sound zip archive"):
        NusWide81().load(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(DataError, match=f"{name} is missing"):
        NusWide81().load(tmp_path)


@pytest.mark.data
@pytest.mark.skipif(not (REAL / "nuswide" / TRUTH).is_file(), reason=f"NUS-WIDE is not in {REAL}")
def test_the_published_files():
    opened = open_dataset(dataset("nuswide81"), {}, data_roots=[REAL], strict=True)
    splits = opened.data.splits
    assert {name: split.positives.n_pairs for name, split in splits.items()} == {
        "train": 296230,
        "dev": 77487,
        "test": 130131,
    }
    assert int((splits["train"].positives.counts == 0).sum()) == 36340 + 23961
    lake = opened.data.label_names.index("lake")
    assert sum(int(split.positives.popularity()[lake]) for split in splits.values()) == 13392
    assert not any(lake in split.positives.row(78372) for split in splits.values())
    assert "5,108" in " ".join(dataset("nuswide81").card.notes)
    assert dataset("nuswide81").card.published == ()
