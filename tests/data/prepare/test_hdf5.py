"""HDF5 files that would put what lies in other files into a feature table are refused; and strings
of variable length, sound and damaged: where the library would read without end, one line says so.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from vsebench.data import apart
from vsebench.data.prepare.hdf5 import Hdf5Files
from vsebench.plugin import DataError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

h5py: Any = pytest.importorskip("h5py")
SECRET = "secret.bin"
TABLE = np.random.default_rng(0).random((6, 4, 8), np.float32)
NAMES = [f"Hund {index}é.jpg" for index in range(6)]
SIZE = 8
"""Bytes of a length in the heap of strings."""


def _external_storage(file: Any, folder: Path) -> None:
    (folder / SECRET).write_bytes(bytes(128))
    file.create_dataset("a.jpg", (4, 8), "f4", external=[(str(folder / SECRET), 0, 128)])


def _external_link(file: Any, folder: Path) -> None:
    with h5py.File(folder / SECRET, "w") as other:
        other["x"] = np.zeros((4, 8), np.float32)
    file["a.jpg"] = h5py.ExternalLink(str(folder / SECRET), "x")


def _link_within_a_group(file: Any, folder: Path) -> None:
    file.create_group("a.jpg")["features"] = h5py.ExternalLink(SECRET, "x")


def _virtual(file: Any, folder: Path) -> None:
    _external_link(h5py.File(folder / "unused.h5", "w"), folder)
    layout = h5py.VirtualLayout((4, 8), "f4")
    layout[:] = h5py.VirtualSource(str(folder / SECRET), "x", (4, 8))
    file.create_virtual_dataset("a.jpg", layout)


@pytest.mark.parametrize(
    "write", [_external_storage, _external_link, _link_within_a_group, _virtual]
)
def test_what_lies_outside_is_refused(write: Callable[[Any, Path], None], tmp_path: Path) -> None:
    path = tmp_path / "f.h5"
    with h5py.File(path, "w") as file:
        write(file, tmp_path)
    with pytest.raises(DataError, match=r"f\.h5 keeps /a\.jpg.* in another file .*'h5repack'"):
        Hdf5Files(tmp_path, [path])


def test_what_lies_inside_is_read(tmp_path: Path) -> None:
    path = tmp_path / "f.h5"
    with h5py.File(path, "w") as file:
        file["stored"] = np.ones((4, 8), np.float32)
        file["a.jpg"] = h5py.SoftLink("/stored")
    assert Hdf5Files(tmp_path, [path]).read("a.jpg").sum() == 32


def write(path: Path, **options: Any) -> Path:
    with h5py.File(path, "w") as file:
        file["features"] = TABLE
        file.create_dataset("ids", data=NAMES, dtype=h5py.string_dtype(), **options)
    return path


def files(path: Path) -> Hdf5Files:
    return Hdf5Files(path.parent, [path])


@pytest.mark.parametrize(
    "options", [{}, {"chunks": (2,)}, {"compression": "gzip"}], ids=["plain", "chunks", "packed"]
)
def test_sound_strings_are_read(tmp_path: Path, options: dict[str, Any]) -> None:
    found = files(write(tmp_path / "features.h5", **options))
    assert list(found._places) == NAMES
    assert all(
        np.array_equal(found.read(name), row) for name, row in zip(NAMES, TABLE, strict=True)
    )


def test_a_heap_that_the_library_would_read_without_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The free space at the heap's end has no size, so that the next object is the same one."""
    monkeypatch.setattr(apart, "CPU_SECONDS", 2)
    path = write(tmp_path / "features.h5")
    content = bytearray(path.read_bytes())
    at = content.index(b"GCOL") + 16
    while content[at : at + 2] != b"\0\0":
        size = int.from_bytes(content[at + SIZE : at + 2 * SIZE], "little")
        at += 16 + -(-size // 8) * 8
    content[at + SIZE : at + 2 * SIZE] = bytes(SIZE)
    path.write_bytes(content)
    with pytest.raises(
        DataError,
        match=f"^{re.escape(str(path))}: the strings of variable length in /ids cannot be read "
        "within 2 CPU seconds and 4 GiB, as it is damaged: get it again, or write",
    ):
        files(path)


def test_a_length_that_asks_for_all_memory(tmp_path: Path) -> None:
    path = write(tmp_path / "features.h5")
    with h5py.File(path) as file:
        place = file["ids"].id.get_offset()
    content = bytearray(path.read_bytes())
    content[place : place + 4] = b"\xff" * 4
    path.write_bytes(content)
    with pytest.raises(DataError, match="the strings of variable length in /ids cannot be read"):
        files(path)


@pytest.mark.parametrize("name", ["features", "num_boxes"])
def test_numbers_of_variable_length_are_not_read(tmp_path: Path, name: str) -> None:
    path = tmp_path / "features.h5"
    with h5py.File(path, "w") as file:
        file["ids"] = np.array([b"a.jpg"])
        shape = (1, 4, 8) if name == "features" else (1,)
        if name != "features":
            file["features"] = TABLE[:1]
        file.create_dataset(name, shape, h5py.vlen_dtype(np.float32))
    with pytest.raises(DataError, match=r"features\.h5 is truncated or damaged"):
        files(path).read("a.jpg")
