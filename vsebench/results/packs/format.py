"""The format of a pack: a study in two files.

`runs.jsonl.gz` has a line that opens the pack (its version, how many runs follow, the plan) and a
line per run: its record and curve as JSON, and a SHA-256 for every file. A run that another study
holds is a line with that study's place and the same checksums. Since version 2 a line also says how
long each file's JSON is and the SHA-256 of all of them as they stand, so that a reader finds them
whole without writing every file as it was. `runs.npz` has test ranks, and test metrics by image, as
tables with a row per run; in version 1 it has each array by itself. External rows are held as runs
are, in the line that opens the pack. What pages show of a model (weights over positions, what it
retrieves for the hardest queries) goes with the arrays. Weights, checkpoints, mined negatives and
logs are not packed, nor is `spec.json`, whose content the record has without paths of the machine.
"""

from __future__ import annotations

import gzip
import hashlib
import io
from itertools import chain
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from pydantic import AfterValidator, Field, JsonValue
from pydantic_core import from_json, to_json

from vsebench.results.folder.seal import digest
from vsebench.results.packs.tables import Place
from vsebench.results.protocol import Frozen
from vsebench.results.reader import CURVE, DONE, PER_IMAGE, POSITIONS, RANKS, RECORD, RETRIEVED

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

RUNS = "runs.jsonl.gz"
ARRAYS = "runs.npz"
VERSION = 2

NPZ = (RANKS, PER_IMAGE, POSITIONS, RETRIEVED)
"""Files that are packed as arrays."""
NAMES = (*NPZ, CURVE, RECORD, DONE)
"""Files that are packed, in the order in which unpacking writes them: the marker comes last."""

EXTERNAL = "external"
"""The folder of external rows, beside the runs."""
ROW = "row.json"
EXTERNAL_NAMES = (RANKS, ROW)
"""Files of an external row, in the order in which unpacking writes them."""

_FILES = b',"files":'


def _known(file: str) -> str:
    if file not in NPZ:
        raise ValueError(f"'{file}' has no arrays")
    return file


class Text(Frozen):
    """The files of a line as they stand in it.

    Attributes:
        sha256: checksum of their text, braces included.
        sizes: bytes of JSON by name, in their order.
    """

    sha256: str
    sizes: dict[str, Annotated[int, Field(ge=0)]]


class Line(Frozen):
    """A run in a pack.

    Attributes:
        run: name of its folder.
        run_id: id of the run.
        held_in: folder of the pack that holds the run, relative to this one; None for this one.
        sha256: checksum by name of every file; of an npz file, of its arrays.
        arrays: places of the arrays of each npz file by name, in their order.
        text: how the files stand in the line; of a line that was read, None unless they stand so.
        files: JSON text by name: of a value, or of a string where a value would not give the bytes
            back.
    """

    run: str = Field(pattern=r"^\.*[^./\\][^/\\]*$")
    run_id: str
    held_in: str | None = Field(None, pattern=r"^([^/\x00]{1,255}/?)+$", max_length=2000)
    sha256: dict[str, str]
    arrays: dict[Annotated[str, AfterValidator(_known)], dict[str, Place]] = Field(
        default_factory=dict
    )
    text: Text | None = None
    files: dict[str, bytes] = Field(default_factory=dict)


class ExternalLine(Line):
    """An external row in a pack: `run` is its folder, and `run_id` the row's id."""

    run: str = Field(pattern=r"^external/\.*[^./\\][^/\\]*$")


class Opening(Frozen):
    """The first line of a pack.

    Attributes:
        vsebench_pack: version of the format.
        runs: number of lines that follow.
        files: values of the files of the folder itself, by name.
        external: external rows of the folder.
    """

    vsebench_pack: Annotated[int, Field(strict=True)]
    runs: int
    files: dict[str, Any] = Field(default_factory=dict)
    external: tuple[ExternalLine, ...] = ()


L = TypeVar("L", bound=Line)


def pack_bytes(opening: Opening, lines: Iterable[Line]) -> bytes:
    """A pack's file of records: the same bytes for the same runs."""
    first = _json(opening.model_dump(exclude={"external"}, exclude_defaults=True))
    if opening.external:
        rows = b",".join(map(line_bytes, opening.external))
        first = b'%b,"external":[%b]}' % (first[:-1], rows)
    buffer = io.BytesIO()
    # neither time nor file name in the header
    with gzip.GzipFile("", "wb", compresslevel=9, fileobj=buffer, mtime=0) as file:
        for line in chain([first], map(line_bytes, lines)):
            file.write(line + b"\n")
    return buffer.getvalue()


def line_bytes(line: Line) -> bytes:
    """A line as it stands in a pack, without its end."""
    head = line.model_dump(exclude={"files", "text"}, exclude_defaults=True)
    if not line.files:
        return _json(head)
    files = _object(line.files)
    if isinstance(line, ExternalLine):  # few, and of the first line, which is read whole
        return b"%b%b%b}" % (_json(head)[:-1], _FILES, files)
    sizes = {name: len(text) for name, text in line.files.items()}
    text = Text(sha256=digest(files), sizes=sizes)
    return b"%b%b%b}" % (_json({**head, "text": text.model_dump()})[:-1], _FILES, files)


def read_line(line: bytes) -> Line:
    """The run that a line holds.

    Raises:
        ValueError: it is damaged.
    """
    return _as_written(line) or line_of(from_json(line, cache_strings="keys"))


def line_of(value: Any, kind: type[L] = Line) -> L:  # type: ignore[assignment]
    """A line of its value, whose files may be laid out anyhow.

    Args:
        value: what is written as JSON.
        kind: class of the line.

    Raises:
        ValidationError: it is none.
    """
    if not isinstance(value, dict):
        return kind.model_validate(value)
    changes: dict[str, Any] = {"text": None}
    if isinstance(files := value.get("files"), dict):
        changes["files"] = {name: _json(each) for name, each in files.items()}
    if isinstance(arrays := value.get("arrays"), dict):
        changes["arrays"] = {name: _places(value, name, each) for name, each in arrays.items()}
    return kind.model_validate({**value, **changes})


def _places(line: Mapping[str, Any], name: str, arrays: Any) -> Any:
    """The places of a file's arrays, of which version 1 has the names alone."""
    if not isinstance(arrays, list):
        return arrays
    return {key: (f"{line.get('run')}/{table_name(name, key)}", None) for key in arrays}


def _as_written(line: bytes) -> Line | None:
    """The run of a line whose files stand in it as it says; None where they do not."""
    head, _, files = line.removesuffix(b"}\n").partition(_FILES)
    try:
        found = Line.model_validate(from_json(head + b"}", cache_strings="keys"))
    except ValueError:  # another layout
        return None
    if found.text is None or found.text.sha256 != digest(files):
        return None
    texts, start = {}, 0
    for name, size in found.text.sizes.items():
        start += len(_json(name)) + 2
        texts[name] = files[start : start + size]
        start += size
    return found.model_copy(update={"files": texts}) if _object(texts) == files else None


def _object(texts: Mapping[str, bytes]) -> bytes:
    """JSON of the texts of its values."""
    return b"{%b}" % b",".join(b"%b:%b" % (_json(name), text) for name, text in texts.items())


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


def file_text(name: str, content: bytes) -> bytes:
    """JSON text of `file_value`."""
    return _json(file_value(name, content))


def file_bytes(value: JsonValue) -> bytes:
    """The file of a value: text as it is, a list a line per item, an object as records are laid
    out.
    """
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, list):
        return b"".join(_json(item) + b"\n" for item in value)
    return _json(value, indent=1) + b"\n"


def table_name(file: str, key: str) -> str:
    """What the tables of an array of an npz file are called, before their numbers: `ranks/i2t`."""
    return f"{file.removesuffix('.npz')}/{key}"


def arrays_checksum(arrays: Mapping[str, NDArray[Any]]) -> str:
    """SHA-256 of names, types, shapes and values; that of the compressed file depends on zlib."""
    summed = hashlib.sha256()
    for name, array in arrays.items():
        summed.update(f"{name}\0{array.dtype.str}\0{array.shape}\0".encode())
        summed.update(array.tobytes())
    return summed.hexdigest()


def _json(value: object, indent: int | None = None) -> bytes:
    """JSON as records are written, infinities and NaN as they are read."""
    return to_json(value, indent=indent, inf_nan_mode="constants")
