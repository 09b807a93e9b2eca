"""Packed files that unpack to very much are not unpacked; what is said names the file, what it
claims, and the limit.
"""

from __future__ import annotations

import gzip
import io
import re
import tracemalloc
import zipfile
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.factories import make_record, save
from vsebench.data.frames import pack_frames
from vsebench.data.prepare.arrays import ArrayFiles
from vsebench.plugin import DataError, SpecError, VsebenchError
from vsebench.results.checks.contents import npz_arrays, npz_bytes
from vsebench.results.packs.pack import Pack
from vsebench.results.packs.packing import pack
from vsebench.unpacked import VARIABLE, Arrays, check_array, gunzipped_lines, most_unpacked

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LARGE = 1 << 23


@pytest.fixture(autouse=True)
def limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """1 MiB."""
    monkeypatch.setenv(VARIABLE, str(1 / 1024))


def announcing(shape: tuple[int, ...], held: int) -> bytes:
    """An npz file whose array has fewer values than its header says."""
    array, packed = io.BytesIO(), io.BytesIO()
    header = {"descr": "<f4", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(array, header)
    array.write(bytes(held))
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("features.npy", array.getvalue())
    return packed.getvalue()


def test_the_limit_is_set_by_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE)
    assert most_unpacked() == 1 << 30
    monkeypatch.setenv(VARIABLE, "2.5")
    assert most_unpacked() == 5 << 29


@pytest.mark.parametrize("text", ["much", "-1", "0", "nan", "inf"])
def test_a_limit_that_is_none(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv(VARIABLE, text)
    with pytest.raises(SpecError, match=f"{VARIABLE} is '{text}': expected a number of GiB"):
        most_unpacked()


@pytest.mark.parametrize("lies", [False, True])
def test_a_gzip_bomb_is_unpacked_no_further_than_the_limit(tmp_path: Path, lies: bool) -> None:
    bomb = gzip.compress(bytes(13 * LARGE), compresslevel=1)
    path = tmp_path / "runs.jsonl.gz"
    path.write_bytes(bomb[:-4] + bytes([1, 0, 0, 0]) if lies else bomb)
    tracemalloc.start()
    size = r"more than 0\.000976562 GiB" if lies else r"0\.1 GiB"
    with pytest.raises(
        VsebenchError, match=rf"^{re.escape(str(path))}: it unpacks to {size}, and .*{VARIABLE}=1"
    ):
        Pack(tmp_path)
    assert tracemalloc.get_traced_memory()[1] < LARGE
    tracemalloc.stop()


def test_as_much_as_may_be_is_unpacked() -> None:
    content = bytes(most_unpacked())
    assert [*gunzipped_lines(gzip.compress(content))] == [content]


def test_a_pack_of_large_arrays(tmp_path: Path) -> None:
    save(tmp_path, make_record())
    pack(tmp_path)
    (tmp_path / "runs.npz").write_bytes(npz_bytes({"zeros": np.zeros(LARGE)}))
    with pytest.raises(VsebenchError, match=r"runs\.npz: it unpacks to 0\.1 GiB, and at most"):
        _ = Pack(tmp_path).arrays


def test_the_arrays_of_a_run() -> None:
    with pytest.raises(ValueError, match=r"it unpacks to 0\.1 GiB, and at most"):
        npz_arrays(npz_bytes({"zeros": np.zeros(LARGE)}))
    with pytest.raises(ValueError, match="announces shape"):
        npz_arrays(announcing((1 << 40,), 100))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (npz_bytes({"features": np.zeros((LARGE, 1), np.float32)}), r"it unpacks to 0\.0 GiB, and"),
        (announcing((1 << 40, 8), 100), "is truncated or damaged"),
        (announcing((1 << 70, 8), 100), "is truncated or damaged"),
    ],
    ids=["much", "pretended", "beyond all numbers"],
)
def test_the_features_of_an_image(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "image.npz"
    path.write_bytes(content)
    files = ArrayFiles(tmp_path, [path])
    for read in (files.shape, files.read):
        with pytest.raises(DataError, match=f"^{re.escape(str(path))}:? {message}"):
            read("image")


def test_the_frames_of_a_video(tmp_path: Path) -> None:
    source = tmp_path / "clips.npz"
    source.write_bytes(npz_bytes({"clip": np.zeros((LARGE, 1), np.float32)}))
    with pytest.raises(DataError, match=r"video 'clip' cannot be read: it unpacks to"):
        pack_frames(source, tmp_path / "packed", dtype="float16", report=lambda *_: None)


def test_a_member_that_announces_more_than_it_can_hold() -> None:
    content = bytearray(npz_bytes({"a": np.zeros(9)}))
    place = content.rindex(b"PK\1\2") + 24
    content[place : place + 4] = (1 << 30).to_bytes(4, "little")
    with (
        zipfile.ZipFile(io.BytesIO(content)) as archive,
        pytest.raises(ValueError, match=r"a\.npy announces more than it can hold"),
    ):
        check_array(archive, "a")


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_arrays_are_read_one_by_one(save: Callable[..., None]) -> None:
    held = {
        "run/ranks/i2t": np.arange(9, dtype=np.int32),
        "columns": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        "number": np.array(3.5),
        "nothing": np.empty((0, 4)),
    }
    packed = io.BytesIO()
    save(packed, **held)
    arrays = Arrays(packed.getvalue())
    for name, values in held.items():
        found = arrays.read(name)
        assert found.dtype == values.dtype
        np.testing.assert_array_equal(found, values)
    with pytest.raises(ValueError, match="it has no array 'absent' of plain numbers"):
        arrays.read("absent")


def test_objects_are_not_read() -> None:
    packed = io.BytesIO()
    np.savez(packed, objects=np.array([{}], dtype=object))
    with pytest.raises(ValueError, match="announces shape"):
        Arrays(packed.getvalue()).read("objects")


def changed(content: bytes, place: int, value: bytes) -> bytes:
    return content[:place] + value + content[place + len(value) :]


def test_members_that_are_not_what_their_list_says() -> None:
    whole = npz_bytes({"a": np.arange(99)})
    size = int.from_bytes(whole[whole.rindex(b"PK\1\2") + 24 :][:4], "little")
    directory = whole.rindex(b"PK\1\2")
    for place, value, said in (
        (0, b"PK\1\2", "there is no member where one should be"),
        (directory + 24, (size - 1).to_bytes(4, "little"), "not of the size that it announces"),
        (directory + 24, (size + 1).to_bytes(4, "little"), "not of the size that it announces"),
        (directory + 10, b"\x0c\0", "not of the size that it announces"),
        (directory + 42, (len(whole) - 9).to_bytes(4, "little"), "lies outside the file"),
    ):
        with pytest.raises(ValueError, match=said):
            Arrays(changed(whole, place, value)).read("a")
