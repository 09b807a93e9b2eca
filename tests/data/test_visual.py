from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from tests.data.files import dataset
from tests.tiny_vision import write_image_set
from vsebench.data import flickr8k
from vsebench.data.feature_arrays import RowSelection
from vsebench.data.feature_table import open_table
from vsebench.data.images import ImageFolder
from vsebench.data.open import open_dataset
from vsebench.data.precomp import Precomp
from vsebench.data.visual import Visual
from vsebench.plugin import DataError, SpecError


def write_table(path, names, width=3):
    path.mkdir()
    values = np.arange(len(names) * 2 * width, dtype=np.float16).reshape(len(names), 2, width)
    np.save(path / "features.npy", values)
    (path / "images.txt").write_text("".join(f"{name}\n" for name in names))
    return values


@pytest.fixture
def root(tmp_path):
    return write_image_set(tmp_path / "precomp", (4, 2, 3))


def names_of(split: str) -> list[str]:
    start, count = {"train": (0, 4), "dev": (4, 2), "test": (6, 3)}[split]
    return [f"{i:04d}.png" for i in range(start, start + count)]


def test_raw_images_by_id(root):
    splits = Precomp(images="images").load(root).splits
    for name, split in splits.items():
        assert isinstance(split.features, ImageFolder)
        assert split.features.names == tuple(names_of(name))
        assert split.lengths.tolist() == [1] * len(names_of(name))
        assert len(split.captions) == 5 * len(split.lengths)


def test_ids_may_be_listed_for_each_caption_and_the_map_may_lie_above(root):
    shutil.move(root / "id_mapping.json", root.parent / "id_mapping.json")
    ids = (root / "test_ids.txt").read_text().split()
    (root / "test_ids.txt").write_text("".join(f"{i}\n" * 5 for i in ids))
    assert Precomp(images="images").load(root).splits["test"].features.names == tuple(
        names_of("test")
    )


def test_without_a_map_the_ids_are_file_names(root):
    (root / "id_mapping.json").unlink()
    for split in ("train", "dev", "test"):
        (root / f"{split}_ids.txt").write_text("".join(f"{name}\n" for name in names_of(split)))
    assert Precomp(images="images").load(root).splits["dev"].features.names == tuple(
        names_of("dev")
    )


def test_an_image_in_a_subfolder_is_found_by_its_last_name(root):
    (root / "images" / "train2014").mkdir()
    for name in names_of("train"):
        (root / "images" / name).rename(root / "images" / "train2014" / name)
    assert Precomp(images="images").load(root).splits["train"].features.names == tuple(
        f"train2014/{name}" for name in names_of("train")
    )


def test_a_table_in_another_order(root):
    names = [f"{i:04d}.png" for i in (8, 3, 0, 1, 2, 5, 4, 7, 6)]
    values = write_table(root / "table", names)
    data = Precomp(features="table").load(root)
    assert data.feature_kind == "grid"
    for name, split in data.splits.items():
        np.testing.assert_array_equal(
            split.features[np.arange(len(split.lengths))],
            values[[names.index(n) for n in names_of(name)]],
        )
        assert set(split.lengths.tolist()) == {2}
    assert isinstance(data.splits["train"].features, RowSelection)


def _edit(name, change):
    return lambda root: (root / name).write_text(change((root / name).read_text()))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (
            lambda root: (root / "images" / "0007.png").unlink(),
            r"images has no image 0007\.png of test_ids\.txt",
        ),
        (
            lambda root: [(root / "images" / f"000{i}.png").unlink() for i in (1, 2)],
            r"has no image 0001\.png and 1 more of train_ids\.txt",
        ),
        (lambda root: shutil.rmtree(root / "images"), "images does not exist"),
        (
            _edit("test_ids.txt", lambda text: text + "5\n"),
            r"test_ids\.txt has 4 lines",
        ),
        (
            _edit(
                "test_ids.txt",
                lambda text: "".join(f"{i}\n" * 5 for i in text.split()).replace(
                    "907\n", "906\n", 1
                ),
            ),
            "lines 6 to 10, are not one id",
        ),
        (
            _edit("id_mapping.json", lambda text: text.replace('"907"', '"1907"')),
            r"id_mapping\.json has no entry for id '907' of test_ids\.txt",
        ),
        (_edit("id_mapping.json", lambda text: text[:-1]), r"id_mapping\.json is not JSON"),
        (
            _edit("id_mapping.json", lambda text: "[]"),
            "is not an object that maps ids to file names",
        ),
        (
            _edit("id_mapping.json", lambda text: json.dumps({str(i): i for i in range(999)})),
            "is not an object that maps ids to file names",
        ),
        (lambda root: (root / "dev_ids.txt").unlink(), r"dev_ids\.txt is missing"),
    ],
)
def test_what_does_not_fit_is_named_in_one_line(root, damage, message):
    damage(root)
    with pytest.raises(DataError, match=message) as error:
        Precomp(images="images").load(root)
    assert "\n" not in str(error.value)


def test_two_images_of_one_last_name_are_not_guessed_between(root):
    (root / "images" / "a").mkdir()
    (root / "images" / "b").mkdir()
    shutil.copy(root / "images" / "0000.png", root / "images" / "a" / "0000.png")
    shutil.move(root / "images" / "0000.png", root / "images" / "b" / "0000.png")
    with pytest.raises(DataError, match=r"has no image 0000\.png of train_ids"):
        Precomp(images="images").load(root)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (
            lambda table: (table / "images.txt").write_text("a\nb\n"),
            r"features\.npy has 9 rows",
        ),
        (lambda table: (table / "features.npy").unlink(), r"features\.npy is missing"),
        (
            shutil.rmtree,
            "table does not exist: .*'vsebench data extract",
        ),
    ],
)
def test_a_damaged_table_is_named(root, damage, message):
    write_table(root / "table", [f"{i:04d}.png" for i in range(9)])
    damage(root / "table")
    with pytest.raises(DataError, match=message):
        Precomp(features="table").load(root)


def test_one_of_the_two_options():
    with pytest.raises(SpecError, match="give one of the two options"):
        Visual("images", "table")
    with pytest.raises(SpecError, match="option 'dim' is of its own grid features, got dim=64"):
        flickr8k.Flickr8k(dim=64, images="images")


def opened(root, **options):
    return open_dataset(dataset("precomp"), options, data_roots=[root.parent])


def test_the_fingerprint_is_of_the_content(root, tmp_path):
    raw = opened(root, images="images")
    table = write_table(tmp_path / "elsewhere", [f"{i:04d}.png" for i in range(9)])
    extracted = opened(root, features=str(tmp_path / "elsewhere")).fingerprint
    assert raw.fingerprint != extracted
    moved = tmp_path / "moved" / "precomp"
    shutil.copytree(root, moved)
    assert opened(moved, images="images").fingerprint == raw.fingerprint
    shutil.copy(root / "images" / "0003.png", moved / "images" / "0008.png")
    assert opened(moved, images="images").fingerprint != raw.fingerprint
    table[5] += 1
    np.save(tmp_path / "elsewhere" / "features.npy", table)
    assert opened(root, features=str(tmp_path / "elsewhere")).fingerprint != extracted


def test_a_damaged_image_stops_the_opening_and_no_unused_one_does(root):
    (root / "images" / "unused.png").write_bytes(b"no image")
    opened(root, images="images")
    (root / "images" / "0005.png").write_bytes((root / "images" / "0005.png").read_bytes()[:150])
    with pytest.raises(DataError, match=r"image .*0005\.png cannot be decoded"):
        opened(root, images="images")


def test_a_table_elsewhere_does_not_make_every_folder_the_data_set(root, tmp_path, monkeypatch):
    write_table(tmp_path / "elsewhere", [f"{i:04d}.png" for i in range(9)])
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match="data set 'precomp' is not in"):
        open_dataset(
            dataset("precomp"), {"features": "elsewhere"}, data_roots=[tmp_path / "elsewhere"]
        )
    assert opened(root, features="elsewhere").path == root


def test_flickr8k_takes_images_and_tables_by_name(tmp_path):
    splits = {"train": ["t1.jpg", "t0.jpg"], "dev": ["d0.jpg"], "test": ["x0.jpg"]}
    for split, images in splits.items():
        (tmp_path / flickr8k.SPLITS[split]).write_text("".join(f"{image}\n" for image in images))
    every = [image for images in splits.values() for image in images]
    (tmp_path / flickr8k.TOKENS).write_text(
        "".join(f"{image}#{k}\tA thing .\n" for image in every for k in range(5))
    )
    (tmp_path / "photos").mkdir()
    for image in every:
        (tmp_path / "photos" / image).write_bytes(image.encode())
    raw = flickr8k.Flickr8k(images="photos")
    assert [path.name for path in raw.files(tmp_path)] == [
        flickr8k.TOKENS,
        *flickr8k.SPLITS.values(),
    ]
    train = raw.load(tmp_path).splits["train"]
    assert [train.features.read(i) for i in range(2)] == [b"t1.jpg", b"t0.jpg"]
    values = write_table(tmp_path / "table", sorted(every))
    made = flickr8k.Flickr8k(features="table")
    assert {path.name for path in made.files(tmp_path)} == {
        flickr8k.TOKENS,
        *flickr8k.SPLITS.values(),
        "features.npy",
        "images.txt",
    }
    np.testing.assert_array_equal(
        made.load(tmp_path).splits["train"].features[np.array([0, 1])], values[[2, 1]]
    )
    assert open_table(tmp_path / "table").names == ("d0.jpg", "t0.jpg", "t1.jpg", "x0.jpg")
