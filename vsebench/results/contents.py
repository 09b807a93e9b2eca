"""What a run's binary files hold: arrays by name, weights and checkpoints."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

from vsebench.files import write_bytes
from vsebench.plugin.errors import VsebenchError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    import torch
    from numpy.typing import NDArray


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
        OSError, ValueError, EOFError, zipfile.BadZipFile: it is damaged.
    """
    import numpy as np

    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        return dict(arrays)


_ABOUT = "vsebench"
"""The one entry of a weights file's metadata: of several, safetensors does not keep the order, and
the same model would not have the same bytes.
"""


def weights_bytes(model: Mapping[str, torch.Tensor], about: Mapping[str, Any]) -> bytes:
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
        with safe_open(path, framework="pt") as file:
            about = json.loads((file.metadata() or {}).get(_ABOUT, "{}"))
    except (SafetensorError, OSError, ValueError) as error:
        raise VsebenchError(f"{path} is missing or damaged ({error})") from error
    return about if isinstance(about, dict) else {}


def write_checkpoint(path: Path, content: Mapping[str, Any]) -> None:
    """As `write_arrays`: tensors and plain values, as `torch.save` writes them."""
    import torch

    buffer = io.BytesIO()  # torch reports a full disk as an internal error
    torch.save(dict(content), buffer)
    write_bytes(path, buffer.getvalue())


def read_checkpoint(path: Path, device: torch.device, needed: Collection[str]) -> dict[str, Any]:
    """What `write_checkpoint` wrote.

    Args:
        path: the file.
        device: device that receives the tensors.
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
