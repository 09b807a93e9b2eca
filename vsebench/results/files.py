"""Files that are whole or absent: written under a temporary name, flushed to disk, then renamed.

A process that is killed at any moment leaves the old content or the new one, never a part. What a
killed writer leaves behind is a temporary file, which `sweep` removes. A link stays one and its
target is replaced; a pipe or a device, which a file must not take the place of, is written to.
"""

from __future__ import annotations

import io
import os
import uuid
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from vsebench.plugin.errors import VsebenchError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    import torch
    from numpy.typing import NDArray


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A binary file that becomes `path` when the block ends without an error; until then `path`
    keeps its old content.

    Raises:
        VsebenchError: the disk is full, or the folder cannot be written.
    """
    if path.exists() and not path.is_file() and not path.is_dir():
        with _saying(path), path.open("wb") as stream:
            yield stream
        return
    target = Path(os.path.realpath(path)) if path.is_symlink() else path
    temporary = target.with_name(f".{target.name}.{uuid.uuid4().hex}.tmp")
    with _saying(path):
        try:
            with temporary.open("xb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(target)
        except BaseException:
            _discard(temporary)
            raise


def write_bytes(path: Path, content: bytes) -> None:
    """Replaces `path` by `content`, all or nothing.

    Raises:
        VsebenchError: the disk is full, or the folder cannot be written.
    """
    with replacing(path) as file:
        file.write(content)


def write_text(path: Path, content: str) -> None:
    """As `write_bytes`, in UTF-8 with the line ends given."""
    write_bytes(path, content.encode())


def write_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """As `write_bytes`: the arrays by name, a compressed npz file."""
    import numpy as np

    buffer = io.BytesIO()
    np.savez_compressed(buffer, **dict(arrays))  # type: ignore[arg-type]  # its own flag is no name of ours
    write_bytes(path, buffer.getvalue())


def write_checkpoint(path: Path, content: Mapping[str, Any]) -> None:
    """As `write_bytes`: tensors and plain values, as `torch.save` writes them."""
    import torch

    buffer = io.BytesIO()  # torch reports a full disk as an internal error
    torch.save(dict(content), buffer)
    write_bytes(path, buffer.getvalue())


def read_checkpoint(path: Path, device: torch.device, needed: Collection[str]) -> dict[str, Any]:
    """What `write_checkpoint` wrote.

    Args:
        path: the file.
        device: that receives the tensors.
        needed: the names that it must hold.

    Raises:
        VsebenchError: it is damaged.
    """
    import torch

    try:
        content = torch.load(path, map_location=device, weights_only=True)
    except (PermissionError, MemoryError, torch.cuda.OutOfMemoryError):
        raise
    except Exception as error:  # of damaged bytes almost any, by where the damage is
        raise _damaged_checkpoint(path) from error
    if not isinstance(content, dict) or not content.keys() >= set(needed):
        raise _damaged_checkpoint(path)
    return content


def _damaged_checkpoint(path: Path) -> VsebenchError:
    return VsebenchError(
        f"{path} is damaged ({path.stat().st_size:,} bytes that are no checkpoint): delete it, "
        "and the run starts over"
    )


def sweep(directory: Path) -> None:
    """Removes temporary files of killed writers. Only for a directory that nobody else writes to
    now.
    """
    for leftover in directory.glob(".*.tmp"):
        leftover.unlink(missing_ok=True)


def cannot_write(path: Path, error: OSError) -> VsebenchError:
    """The one line that a user reads when the file system refuses."""
    file = next((each for each in (path, *path.parents) if each.is_file()), None)
    if isinstance(error, FileExistsError | NotADirectoryError) and file is not None:
        return VsebenchError(
            f"cannot write {path}: {'it' if file == path else file} is a file; choose another "
            "folder"
        )
    if isinstance(error, FileNotFoundError) and not path.parent.exists():
        return VsebenchError(
            f"cannot write {path}: there is no folder {path.parent}; make it or choose another"
        )
    return VsebenchError(
        f"cannot write {path}: {error.strerror or error}; free space, fix its permissions or "
        "choose another folder"
    )


@contextmanager
def _saying(path: Path) -> Iterator[None]:
    """What the file system refuses, said in one line about the path that was asked for."""
    try:
        yield
    except OSError as error:
        raise cannot_write(path, error) from error


def _discard(temporary: Path) -> None:
    """Removes a temporary file; the error that led here is the one to report, so a second one is
    not raised.
    """
    try:
        temporary.unlink(missing_ok=True)
    except OSError:
        return
