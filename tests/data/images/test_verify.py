from __future__ import annotations

import os

import pytest
from PIL import Image

from vsebench.data.images import open_images, verify
from vsebench.data.images.verify import verify_images
from vsebench.plugin import DataError


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
    monkeypatch.setattr(verify, "_BLOCK", 2)
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
