"""HDF5 files that would put what lies in other files into a feature table are refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from vsebench.data.prepare.hdf5 import Hdf5Files
from vsebench.plugin import DataError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

h5py: Any = pytest.importorskip("h5py")
SECRET = "secret.bin"


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
