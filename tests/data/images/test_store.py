from __future__ import annotations

import gzip
import io
import os
import tarfile
from typing import TYPE_CHECKING

import pytest

from vsebench.data.images import ImageTar, open_images, store
from vsebench.plugin import DataError, ImageSource

if TYPE_CHECKING:
    from pathlib import Path

CONTENT = {"b.jpg": b"second", "a/c.PNG": b"first" * 300, "z.webp": b""}


def write_tar(path: Path, members: dict[str, bytes], mode: str = "w") -> Path:
    with tarfile.open(path, mode) as tar:  # type: ignore[call-overload]
        folder = tarfile.TarInfo("a")
        folder.type = tarfile.DIRTYPE
        tar.addfile(folder)
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return path


@pytest.fixture
def folder(tmp_path):
    for name, content in {**CONTENT, "notes.txt": b"no image"}.items():
        path = tmp_path / "pictures" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return tmp_path / "pictures"


def test_a_folder_gives_its_images_by_name(folder):
    store = open_images(folder)
    assert isinstance(store, ImageSource)
    assert store.names == ("a/c.PNG", "b.jpg", "z.webp")
    assert [store.read(i) for i in range(len(store))] == [CONTENT[name] for name in store.names]
    assert store.where(1) == str(folder / "b.jpg")
    some = store.subset([1, 0])
    assert (some.names, some.read(0)) == (("b.jpg", "a/c.PNG"), b"second")


def test_what_macos_packs_beside_images_is_none(folder, tmp_path):
    hidden = {"._b.jpg": b"x", "a/._c.PNG": b"x", "__MACOSX/b.jpg": b"x", "__MACOSX/a/._c.PNG": b""}
    for name, content in hidden.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    assert open_images(folder).names == ("a/c.PNG", "b.jpg", "z.webp")
    store = open_images(write_tar(tmp_path / "mac.tar", {**hidden, **CONTENT}))
    assert store.names == tuple(CONTENT)


def test_a_tar_gives_its_images_in_its_own_order(tmp_path):
    long = "x" * 150 + ".jpg"  # a name that needs an extended header
    store = open_images(
        write_tar(tmp_path / "some.tar", {**CONTENT, "notes.txt": b"no image", long: b"third"})
    )
    assert isinstance(store, ImageSource)
    assert store.names == ("b.jpg", "a/c.PNG", "z.webp", long)
    assert [store.read(i) for i in range(4)] == [*CONTENT.values(), b"third"]
    assert store.where(0) == f"{tmp_path}/some.tar:b.jpg"
    some = store.subset([3, 0])
    assert [some.read(i) for i in range(2)] == [b"third", b"second"]


def test_a_tar_that_is_known_is_not_read_again(tmp_path, monkeypatch):
    path = write_tar(tmp_path / "some.tar", CONTENT)
    os.utime(path, (1e9, 1e9))
    first = open_images(path)
    monkeypatch.setattr(store, "_read_headers", None)
    again = open_images(path)
    assert isinstance(again, ImageTar)
    assert again.members == first.members  # type: ignore[union-attr]


def test_a_changed_tar_is_read_again(tmp_path):
    path = write_tar(tmp_path / "some.tar", CONTENT)
    os.utime(path, (1e9, 1e9))
    open_images(path)
    write_tar(path, {"b.jpg": b"other", "c.jpg": b"more"})
    assert open_images(path).names == ("b.jpg", "c.jpg")


def _cut(path: Path, size: int) -> None:
    path.write_bytes(path.read_bytes()[:size])


def _spoil(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[1540:1560] = b"?" * 20
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: path.write_bytes(b"no tar at all" * 100), "is not an uncompressed tar file"),
        (
            lambda path: path.write_bytes(gzip.compress(write_tar(path, CONTENT).read_bytes())),
            "is not an uncompressed tar file .*: unpack it",
        ),
        (
            lambda path: _cut(write_tar(path, CONTENT), 1800),
            r"is truncated or damaged at byte 1536 of 1800, after 1 files",
        ),
        (
            lambda path: _cut(write_tar(path, CONTENT), 2100),
            "damaged at byte 4096 of 2100|is not an uncompressed tar",
        ),
        (lambda path: _cut(write_tar(path, CONTENT), 1536), "is truncated or damaged at byte 1536"),
        (lambda path: _spoil(write_tar(path, CONTENT)), "is truncated or damaged at byte 1536"),
        (
            lambda path: write_tar(path, {"notes.txt": b"x"}),
            "holds no image: expected files that end in",
        ),
        (lambda path: path.mkdir(), "holds no image"),
        (
            lambda path: None,
            "does not exist: images",
        ),
    ],
)
def test_what_holds_no_images_is_refused_in_one_line(tmp_path, make, message):
    make(tmp_path / "some.tar")
    with pytest.raises(DataError, match=message) as error:
        open_images(tmp_path / "some.tar")
    assert "\n" not in str(error.value)


def test_a_name_twice_in_a_tar_is_refused(tmp_path):
    with tarfile.open(tmp_path / "some.tar", "w") as tar:
        for _ in range(2):
            tar.addfile(tarfile.TarInfo("b.jpg"), io.BytesIO())
    with pytest.raises(DataError, match=r"holds b\.jpg twice"):
        open_images(tmp_path / "some.tar")


def test_a_file_that_went_away_is_named(folder):
    store = open_images(folder)
    (folder / "b.jpg").unlink()
    with pytest.raises(DataError, match=r"b\.jpg is missing"):
        store.read(1)
    with pytest.raises(DataError, match=r"b\.jpg is missing"):
        store.stamp()


def test_a_tar_that_was_cut_after_it_was_opened_is_named(tmp_path):
    path = write_tar(tmp_path / "some.tar", CONTENT)
    store = open_images(path)
    os.truncate(path, 1700)
    with pytest.raises(DataError, match=r"is truncated: a/c\.PNG has \d+ of its 1500 bytes"):
        store.read(1)


@pytest.mark.parametrize("kind", ["folder", "tar"])
def test_the_stamp_changes_with_the_files_and_is_empty_when_they_are_fresh(folder, tmp_path, kind):
    path = folder if kind == "folder" else write_tar(tmp_path / "some.tar", CONTENT)
    files = [file for file in folder.rglob("*") if file.is_file()] if kind == "folder" else [path]
    assert open_images(path).stamp() == ""
    for file in files:
        os.utime(file, (1e9, 1e9))
    stamp = open_images(path).stamp()
    assert stamp
    assert stamp == open_images(path).stamp()
    assert open_images(path).subset([1, 0]).stamp() not in ("", stamp)
    os.utime(files[0], (1e9, 1.1e9))
    assert open_images(path).stamp() not in ("", stamp)
