"""The format of a pack: a study in two files.

`runs.jsonl.gz` has a line that opens the pack (its version, how many runs follow, the plan) and a
line per run: its record and curve as JSON, and a SHA-256 for every file. A run that another study
holds is a line with that study's place and the same checksums. `runs.npz` has the arrays by run:
test ranks, and test metrics by image. External rows are held as runs are, in the line that opens
the pack. What pages show of a model (weights over positions, what it retrieves for the hardest
queries) goes with the arrays. Weights, checkpoints, mined negatives and logs are not packed, nor is
`spec.json`, whose content the record has without paths of the machine.
"""

from __future__ import annotations

import gzip
import hashlib
import io
from typing import TYPE_CHECKING, Any

from pydantic import Field, JsonValue
from pydantic_core import from_json, to_json

from vsebench.results.protocol import Frozen
from vsebench.results.reader import CURVE, DONE, PER_IMAGE, POSITIONS, RANKS, RECORD, RETRIEVED

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

RUNS = "runs.jsonl.gz"
ARRAYS = "runs.npz"
VERSION = 1

NPZ = (RANKS, PER_IMAGE, POSITIONS, RETRIEVED)
"""Files that are packed as arrays."""
NAMES = (*NPZ, CURVE, RECORD, DONE)
"""Files that are packed, in the order in which unpacking writes them: the marker comes last."""

EXTERNAL = "external"
"""The folder of external rows, beside the runs."""
ROW = "row.json"
EXTERNAL_NAMES = (RANKS, ROW)
"""Files of an external row, in the order in which unpacking writes them."""

Files = dict[str, Any]
"""Contents by name."""


class Line(Frozen):
    """A run in a pack.

    Attributes:
        run: name of its folder.
        run_id: id of the run.
        held_in: folder of the pack that holds the run, relative to this one; None for this one.
        sha256: checksum by name of every file; of an npz file, of its arrays.
        files: content by name: JSON values, or text where JSON would not give the bytes back; of a
            pack that was read, bytes.
        arrays: names of the arrays of each npz file, in their order.
    """

    run: str = Field(pattern=r"^\.*[^./\\][^/\\]*$")
    run_id: str
    held_in: str | None = None
    sha256: dict[str, str]
    files: Files = Field(default_factory=dict)
    arrays: dict[str, tuple[str, ...]] = Field(default_factory=dict)


class ExternalLine(Line):
    """An external row in a pack: `run` is its folder, and `run_id` the row's id."""

    run: str = Field(pattern=r"^external/\.*[^./\\][^/\\]*$")


class Opening(Frozen):
    """The first line of a pack.

    Attributes:
        vsebench_pack: version of the format.
        runs: number of lines that follow.
        files: files of the folder itself, by name.
        external: external rows of the folder.
    """

    vsebench_pack: int
    runs: int
    files: Files = Field(default_factory=dict)
    external: tuple[ExternalLine, ...] = ()


def pack_bytes(opening: Opening, lines: Iterable[Line]) -> bytes:
    """A pack's file of records: the same bytes for the same runs."""
    buffer = io.BytesIO()
    # neither time nor file name in the header
    with gzip.GzipFile("", "wb", compresslevel=9, fileobj=buffer, mtime=0) as file:
        for line in (opening, *lines):
            file.write(_json(line.model_dump(exclude_defaults=True)) + b"\n")
    return buffer.getvalue()


def file_value(name: str, content: bytes) -> JsonValue:
    """A file as JSON, so that any tool reads it in a pack; as text where JSON would not give the
    bytes back.

    Raises:
        UnicodeDecodeError: it is not text.
    """
    text = content.decode("utf-8")
    try:
        value: JsonValue = (
            [from_json(line) for line in content.split(b"\n")[:-1]]
            if name.endswith(".jsonl")
            else from_json(content)
        )
    except ValueError:
        return text
    return value if file_bytes(value) == content else text


def file_bytes(value: JsonValue) -> bytes:
    """The file of a value: text as it is, a list a line per item, an object as records are laid
    out.
    """
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, list):
        return b"".join(_json(item) + b"\n" for item in value)
    return _json(value, indent=1) + b"\n"


def array_key(run: str, name: str, key: str) -> str:
    """The name of an array in a pack: `flickr8k-gpo-triplet-seed0-1f0c22aa90/ranks/i2t`."""
    return f"{run}/{name.removesuffix('.npz')}/{key}"


def checksum(content: bytes) -> str:
    """SHA-256, in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def arrays_checksum(arrays: Mapping[str, NDArray[Any]]) -> str:
    """SHA-256 of names, types, shapes and values; that of the compressed file depends on zlib."""
    digest = hashlib.sha256()
    for name, array in arrays.items():
        digest.update(f"{name}\0{array.dtype.str}\0{array.shape}\0".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def _json(value: object, indent: int | None = None) -> bytes:
    """JSON as records are written, infinities and NaN as they are read."""
    return to_json(value, indent=indent, inf_nan_mode="constants")
