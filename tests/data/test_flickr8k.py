from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from tests.data.files import dataset
from vsebench.data import flickr8k
from vsebench.data.feature_arrays import RowSelection
from vsebench.data.flickr8k import Flickr8k
from vsebench.data.open import open_dataset
from vsebench.data.words import tokenise
from vsebench.plugin import DataError

REAL = Path(os.environ.get("VSEBENCH_DATA") or Path(__file__).parents[3] / "shared" / "data")

SPLITS = {"train": ["t1.jpg", "t0.jpg", "t2.jpg"], "dev": ["d0.jpg"], "test": ["x0.jpg", "x1.jpg"]}
ROWS = [image for images in SPLITS.values() for image in images]
VALUES = np.random.default_rng(0).integers(-128, 128, (6, 49, 8)).astype(np.int8)
SCALE = np.linspace(0.5, 2, 8, dtype=np.float32)


def _tokens() -> list[str]:
    """Captions in the file's own order, with images of no split and a malformed key."""
    lines = [
        f"{image}#{k}\tA thing called {image[:2]} , number {k} ."
        for image in sorted(ROWS)
        for k in range(5)
    ]
    return [
        *lines[:7],
        "zz.jpg#0\tAn image of no split .",
        "t0.jpg.1#0\tpeople waiting",
        *lines[7:],
    ]


@pytest.fixture
def root(tmp_path):
    for split, images in SPLITS.items():
        (tmp_path / flickr8k.SPLITS[split]).write_text("\n".join(images) + "\n")
    (tmp_path / flickr8k.TOKENS).write_text("\n".join(_tokens()) + "\n")
    (tmp_path / flickr8k.NAMES).write_text("\n".join(ROWS))
    np.save(tmp_path / flickr8k.FEATURES, VALUES)
    np.save(tmp_path / flickr8k.SCALE, SCALE)
    return tmp_path


def test_splits_captions_and_features(root):
    splits = Flickr8k(dim=8).load(root).splits
    for name, images in SPLITS.items():
        split = splits[name]
        expected = VALUES[[ROWS.index(i) for i in images]] * SCALE
        np.testing.assert_array_equal(split.features[np.arange(len(images))], expected)
        np.testing.assert_array_equal(split.lengths, np.full(len(images), 49))
        assert split.captions == [
            f"A thing called {image[:2]} , number {k} ." for image in images for k in range(5)
        ]
        assert split.text_to_image.tolist() == [i for i in range(len(images)) for _ in range(5)]


def test_rows_in_another_order_are_found_by_name(root):
    order = [4, 0, 3, 5, 1, 2]
    (root / flickr8k.NAMES).write_text("\n".join(ROWS[i] for i in order))
    np.save(root / flickr8k.FEATURES, VALUES[order])
    shuffled = Flickr8k(dim=8).load(root).splits
    assert isinstance(shuffled["train"].features.values, RowSelection)
    for name, images in SPLITS.items():
        np.testing.assert_array_equal(
            shuffled[name].features[np.arange(len(images))],
            VALUES[[ROWS.index(i) for i in images]] * SCALE,
        )


def test_fewer_components_are_a_view(root):
    narrow = Flickr8k(dim=3).load(root).splits["test"].features
    assert narrow.shape == (2, 49, 3)
    assert isinstance(narrow.values, np.memmap)
    np.testing.assert_array_equal(narrow[np.array([1])], VALUES[[5], :, :3] * SCALE[:3])


def _edit(name: str, old: str, new: str):
    def edit(root: Path) -> None:
        text = (root / name).read_text()
        assert old in text
        (root / name).write_text(text.replace(old, new, 1))

    return edit


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (
            _edit(flickr8k.TOKENS, "x1.jpg#4\tA thing called x1 , number 4 .\n", ""),
            r"Flickr8k\.token\.txt has 4 captions of x1\.jpg",
        ),
        (
            _edit(
                flickr8k.TOKENS,
                "".join(f"x1.jpg#{k}\tA thing called x1 , number {k} .\n" for k in range(1, 5)),
                "",
            ),
            r"token\.txt has 1 captions of x1\.jpg",
        ),
        (
            _edit("Flickr_8k.testImages.txt", "x1.jpg\n", "x1.j"),
            r"testImages\.txt ends in 'x1\.j'",
        ),
        (
            _edit("Flickr_8k.trainImages.txt", "t0.jpg", "t9.jpg"),
            r"token\.txt has 0 captions of t9\.jpg",
        ),
        (
            _edit(flickr8k.TOKENS, "x1.jpg#4", "x1.jpg#3"),
            r"token\.txt, line 32, .*caption 3 of x1\.jpg",
        ),
        (
            _edit(flickr8k.TOKENS, "d0.jpg#1\tA", "d0.jpg#1 A"),
            r"token\.txt, line 2, is 'd0\.jpg#1 A.*'",
        ),
        (
            _edit(flickr8k.TOKENS, "A thing called d0 , number 2 .", " . "),
            r"token\.txt, line 3, is an empty caption",
        ),
        (
            _edit("Flickr_8k.testImages.txt", "x1.jpg", "t0.jpg"),
            r"testImages\.txt lists 't0\.jpg', which Flickr_8k\.trainImages\.txt lists too",
        ),
        (
            _edit("Flickr_8k.testImages.txt", "x1.jpg", "x0.jpg"),
            r"lists 'x0\.jpg', which Flickr_8k\.testImages\.txt lists too",
        ),
        (_edit("Flickr_8k.devImages.txt", "d0.jpg\n", ""), r"devImages\.txt is empty"),
        (
            _edit(flickr8k.NAMES, "x1.jpg", "x2.jpg"),
            r"grid7x7_images\.txt has no line for x1\.jpg of Flickr_8k\.testImages\.txt",
        ),
        (_edit(flickr8k.NAMES, "\nx1.jpg", ""), r"grid7x7_pca256_int8\.npy has 6 rows"),
        (lambda root: np.save(root / flickr8k.SCALE, SCALE[:7]), "has 7 values, expected 8"),
        (
            lambda root: np.save(root / flickr8k.FEATURES, VALUES.astype(np.float32)),
            "expected 3 dimensions of integer or unsigned values",
        ),
        (lambda root: (root / "Flickr_8k.devImages.txt").unlink(), r"devImages\.txt is missing"),
    ],
)
def test_damaged_files_are_named(root, damage, message):
    damage(root)
    with pytest.raises(DataError, match=message) as error:
        Flickr8k(dim=8).load(root)
    assert "\n" not in str(error.value)


def test_more_components_than_stored(root):
    with pytest.raises(DataError, match=r"'dim' asks for 9: .*dim=8"):
        Flickr8k(dim=9).load(root)


@pytest.mark.data
def test_the_real_files():
    if not (REAL / "flickr8k" / flickr8k.TOKENS).is_file():
        pytest.skip(
            f"Flickr8k is not in {REAL}: set VSEBENCH_DATA to the folder that holds flickr8k/"
        )
    opened = open_dataset(dataset("flickr8k"), {}, data_roots=[REAL], strict=True)
    assert opened.warnings == ()
    sizes = {name: (s.features.shape, len(s.captions)) for name, s in opened.data.splits.items()}
    assert sizes == {
        "train": ((6000, 49, 256), 30000),
        "dev": ((1000, 49, 256), 5000),
        "test": ((1000, 49, 256), 5000),
    }
    test = opened.data.splits["test"]
    words = Counter(tuple(tokenise(caption)) for caption in test.captions)
    assert sum(n for n in words.values() if n > 1) == 16
    assert test.captions[0] == "The dogs are in the snow in front of a fence ."
    spread = test.features[np.arange(0, 1000, 50)].std(axis=(0, 1))
    assert (spread[:8] > spread[-8:].max()).all()
