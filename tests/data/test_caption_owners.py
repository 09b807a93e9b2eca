"""Any number of captions per image: said by a file, or equally many for each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.data.files import dataset, write_precomp
from tests.tiny_vision import write_image_set
from vsebench.data.open import open_dataset
from vsebench.data.precomp import Precomp
from vsebench.plugin import DataError

if TYPE_CHECKING:
    from pathlib import Path


def write_owned(folder: Path, stem: str, owner: list[int], width: int = 4) -> np.ndarray:
    """A split whose caption i is `caption i of image owner[i]`; its features [images, 3, width]."""
    folder.mkdir(parents=True, exist_ok=True)
    images = max(owner) + 1
    features = np.random.default_rng([images, len(owner)]).standard_normal((images, 3, width))
    np.save(folder / f"{stem}_ims.npy", features.astype(np.float32))
    np.save(folder / f"{stem}_text_to_image.npy", np.array(owner, np.int32))
    (folder / f"{stem}_caps.txt").write_text(
        "".join(f"caption {i} of image {image}\n" for i, image in enumerate(owner))
    )
    return features.astype(np.float32)


OWNERS = {"train": [0, 0, 0, 1, 2, 2], "dev": [1, 0, 1, 2, 0, 3], "test": [0, 1, 2]}


@pytest.fixture
def root(tmp_path):
    for stem, owner in OWNERS.items():
        write_owned(tmp_path, stem, owner)
    return tmp_path


def test_the_file_says_whose_each_caption_is_in_any_order(root):
    opened = open_dataset(dataset("precomp"), {}, data_roots=[root])
    for name, split in opened.data.splits.items():
        assert split.text_to_image.tolist() == OWNERS[name]
        assert [int(caption.split()[-1]) for caption in split.captions] == OWNERS[name]
        np.testing.assert_array_equal(split.features[:], np.load(root / f"{name}_ims.npy"))
    assert {path.name for path in Precomp().files(root)} >= {"dev_text_to_image.npy"}
    np.save(root / "dev_text_to_image.npy", np.array([0, 1, 1, 2, 0, 3]))
    again = open_dataset(dataset("precomp"), {}, data_roots=[root])
    assert again.fingerprint != opened.fingerprint


def test_a_split_with_the_file_is_used_whole(root):
    owner = np.repeat(np.arange(1004), 2)
    write_owned(root, "dev", owner.tolist())
    dev = Precomp().load(root).splits["dev"]
    assert (len(dev.lengths), len(dev.captions)) == (1004, 2008)
    (root / "dev_text_to_image.npy").unlink()
    dev = Precomp().load(root).splits["dev"]
    assert (len(dev.lengths), len(dev.captions), dev.text_to_image[-1]) == (1000, 2000, 999)


@pytest.mark.parametrize("captions", [2, 3, 5, 7])
def test_without_the_file_every_image_has_equally_many(tmp_path, captions):
    write_precomp(tmp_path)
    np.save(tmp_path / "test_ims.npy", np.ones((4, 3, 4), np.float32))
    (tmp_path / "test_caps.txt").write_text("a dog\n" * captions * 4)
    test = Precomp().load(tmp_path).splits["test"]
    assert test.text_to_image.tolist() == [i for i in range(4) for _ in range(captions)]


def test_a_table_of_one_vector_an_image(root):
    for stem in OWNERS:
        np.save(root / f"{stem}_ims.npy", np.load(root / f"{stem}_ims.npy")[:, 0])
    for stem, split in Precomp().load(root).splits.items():
        assert split.features.shape == (max(OWNERS[stem]) + 1, 1, 4)
        assert set(split.lengths.tolist()) == {1}
        np.testing.assert_array_equal(split.features[:][:, 0], np.load(root / f"{stem}_ims.npy"))


@pytest.mark.parametrize(
    ("owner", "message"),
    [
        ([0, 1], r"dev_text_to_image\.npy has 2 entries, expected 6"),
        ([0, 1, 2, 3, -1, 0], "images from -1 to 3 for 6 captions"),
        ([0, 1, 2, 3, 2**40, 0], r"images from 0 to 1099511627776 for 6 captions"),
        ([0, 1, 1, 3, 3, 0], r"gives image 2 no caption: .* 4"),
        ([0, 1, 2, 2, 1, 0], r"dev_ims\.npy has 4 rows, expected 3"),
        ([0.0, 1, 2, 3, 0, 0], r"expected 1 dimensions of integer or unsigned values"),
    ],
)
def test_owners_that_do_not_fit(root, owner, message):
    np.save(root / "dev_text_to_image.npy", np.array(owner))
    with pytest.raises(DataError, match=message) as error:
        Precomp().load(root)
    assert "\n" not in str(error.value)


def test_raw_images_of_any_number_of_captions(tmp_path):
    root = write_image_set(tmp_path / "precomp", (4, 2, 3))
    names = [f"{i:04d}.png" for i in (6, 7, 8)]
    owner = [0, 2, 0, 1]
    (root / "test_caps.txt").write_text("a dog\n" * 4)
    np.save(root / "test_text_to_image.npy", np.array(owner))
    test = Precomp(images="images").load(root).splits["test"]
    assert (test.features.names, test.text_to_image.tolist()) == (tuple(names), owner)
    assert root / "test_text_to_image.npy" in Precomp(images="images").files(root)
    ids = (root / "test_ids.txt").read_text().split()
    (root / "test_ids.txt").write_text("".join(f"{ids[image]}\n" for image in owner))
    test = Precomp(images="images").load(root).splits["test"]
    assert test.features.names == tuple(names)
    (root / "test_ids.txt").write_text("".join(f"{name}\n" for name in ("a", "b", "c", "d")))
    with pytest.raises(DataError, match=r"test_ids\.txt, lines 1 to 3, are not one id"):
        Precomp(images="images").load(root)


def test_ids_of_images_with_equally_many_captions(tmp_path):
    root = write_image_set(tmp_path / "precomp", (4, 2, 3))
    (root / "test_caps.txt").write_text("a dog\n" * 6)
    test = Precomp(images="images").load(root).splits["test"]
    assert test.text_to_image.tolist() == [0, 0, 1, 1, 2, 2]
