"""What a run's binary files hold: arrays by name, weights and checkpoints.

Arrays and checkpoints are zip files, whose members have checksums. Neither torch nor numpy compares
all of them, so they are compared here before anything is read.
"""

from __future__ import annotations

import io
import json
import zipfile
from typing import TYPE_CHECKING, Any, BinaryIO

from vsebench.files import open_regular, write_bytes
from vsebench.plugin.errors import VsebenchError
from vsebench.unpacked import check_array, check_members

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor

_BLOCK = 1 << 20
_ENTRY = 46
"""Bytes of a member in a zip file's directory, without its name and extra fields."""
_DIRECTORY = 0x10
_ENDS = (b"PK\5\6", b"PK\6\6")


def write_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Replaces `path` by a compressed npz file of the arrays, all or nothing.

    Raises:
        WriteError: the disk is full, or the folder cannot be written.
    """
    write_bytes(path, npz_bytes(arrays))


def npz_bytes(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """A compressed npz file: the same bytes for the same arrays and the same zlib."""
    import numpy as np

    buffer = io.BytesIO()
    np.savez_compressed(buffer, **dict(arrays))  # type: ignore[arg-type]  # its own flag is no name of ours
    return buffer.getvalue()


def npz_arrays(content: bytes) -> dict[str, NDArray[Any]]:
    """The arrays of an npz file, in its order.

    Raises:
        ValueError: it is damaged.
    """
    import numpy as np

    check_zip(io.BytesIO(content), in_memory=True)
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        for name in arrays.files:
            check_array(arrays.zip, name)
        found = dict(arrays)
    if not found:
        raise ValueError("no arrays")
    return found


_ABOUT = "vsebench"
"""The one entry of a weights file's metadata: of several, safetensors does not keep the order, and
the same model would not have the same bytes.
"""


def weights_bytes(model: Mapping[str, Tensor], about: Mapping[str, Any]) -> bytes:
    """A safetensors file of weights by name; `about`, as JSON can hold it, is its metadata."""
    from safetensors.torch import save

    return save(dict(model), {_ABOUT: json.dumps(about, sort_keys=True)} if about else None)


def read_about(path: Path) -> dict[str, Any]:
    """What a weights file says of itself; nothing where it does not.

    Raises:
        VsebenchError: it is missing or damaged.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with path.open("rb"):  # whose errors safetensors does not tell apart
            pass
        with safe_open(path, framework="pt") as file:
            about = json.loads((file.metadata() or {}).get(_ABOUT, "{}"))
    except PermissionError:
        raise VsebenchError(f"{path} may not be read: fix its permissions") from None
    except (SafetensorError, OSError, ValueError) as error:
        raise VsebenchError(f"{path} is missing or damaged ({error})") from error
    return about if isinstance(about, dict) else {}


def write_checkpoint(path: Path, content: Mapping[str, Any]) -> None:
    """As `write_arrays`: tensors and plain values, as `torch.save` writes them."""
    import torch

    buffer = io.BytesIO()  # torch reports a full disk as an internal error
    torch.save(dict(content), buffer)
    write_bytes(path, buffer.getvalue())


def read_checkpoint(path: Path, needed: Collection[str]) -> dict[str, Any]:
    """What `write_checkpoint` wrote, tensors on the CPU.

    Args:
        path: the file.
        needed: the names that it must hold.

    Raises:
        ValueError: it is damaged.
        OSError: it cannot be read.
    """
    import torch

    with open_regular(path) as file:
        check_zip(file)
        try:
            content = torch.load(file, map_location="cpu", weights_only=True)
        except (PermissionError, MemoryError):
            raise
        except Exception as error:  # of what is no checkpoint almost any
            raise ValueError("no checkpoint") from error
    if not isinstance(content, dict) or not content.keys() >= set(needed):
        raise ValueError(f"a checkpoint without {' and '.join(sorted(needed))}")
    return content


def check_zip(file: BinaryIO, *, in_memory: bool = False) -> None:
    """Compares every member of a zip file with its checksum, and goes back to the file's start.

    Args:
        file: the zip file.
        in_memory: whether all of it will be unpacked at a time.

    Raises:
        ValueError: one differs, they unpack to too much, or it is no whole zip file.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            _check_directory(file, archive)
            if in_memory:
                check_members(archive.infolist())
            for member in archive.infolist():
                stored = member.compress_type == zipfile.ZIP_STORED
                if stored and member.compress_size != member.file_size:
                    raise ValueError("two sizes")  # of which readers believe either
                if member.external_attr & _DIRECTORY:  # of which torch reads nothing
                    raise ValueError("a folder")
                with archive.open(member) as stream:
                    while stream.read(_BLOCK):
                        pass
    except (PermissionError, MemoryError):
        raise
    except Exception as error:  # of damaged bytes almost any, by where the damage is
        raise ValueError(f"not what was written: {error}") from error
    file.seek(0)


def _check_directory(file: BinaryIO, archive: zipfile.ZipFile) -> None:
    """The list of members is followed by its end, and none has a comment: else a damaged length has
    cut it short.
    """
    members = archive.infolist()
    size = sum(_ENTRY + len(each.orig_filename.encode()) + len(each.extra) for each in members)
    file.seek(archive.start_dir + size)
    if file.read(4) not in _ENDS or any(member.comment for member in members):
        raise ValueError("members are missing")
