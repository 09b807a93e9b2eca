"""External rows: what vsebench measured of embeddings or scores that were made elsewhere. They
stand beside a folder's runs, in `external` or in the folder's pack, and reports show them with a
mark.

    external/NAME-ID/row.json     what was measured, of which files, when and by which command
    external/NAME-ID/ranks.npz    the test rank of every image and caption
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING

from pydantic import Field, ValidationError
from pydantic_core import from_json

from vsebench import files
from vsebench.plugin.errors import VsebenchError
from vsebench.results.checks.contents import write_arrays
from vsebench.results.folder.directory import RunDirectory
from vsebench.results.packs.format import EXTERNAL, ROW
from vsebench.results.packs.pack import Pack
from vsebench.results.protocol import Frozen
from vsebench.results.reader import RANKS
from vsebench.results.run_base import METRIC_VERSION

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

    from vsebench.results.reader import RunReader

SCHEMA = 1
_ID_DIGITS = 10
_SLUG_LENGTH = 60


class ExternalFile(Frozen):
    """A file that an external row was measured on."""

    name: str = Field(description="name without its folder")
    sha256: str
    shape: tuple[int, ...]
    dtype: str


class ExternalRow(Frozen):
    """One external row."""

    schema_version: int = SCHEMA
    name: str = Field(description="name of the row in tables")
    task: str = "retrieval"
    dataset: str = Field(description="canonical spec of the data set")
    data_fingerprint: str
    metric_version: str = METRIC_VERSION
    images: int
    captions: int
    scored: str = Field(description="how images and captions were scored, in words")
    test: dict[str, float] = Field(description="test metrics by row key")
    files: dict[str, ExternalFile] = Field(description="by role: images, texts or scores")
    command: str = Field(description="command that added it, without folders of the machine")
    added: str = Field(description="UTC, ISO 8601")
    libraries: dict[str, str]
    git_commit: str | None = None

    @property
    def row_id(self) -> str:
        """16 hexadecimal digits of what decides its figures."""
        identity = [
            self.name,
            self.task,
            self.data_fingerprint,
            self.metric_version,
            self.scored,
            {role: file.sha256 for role, file in self.files.items()},
        ]
        return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:16]


def write_external(out: Path, row: ExternalRow, ranks: tuple[np.ndarray, np.ndarray]) -> Path:
    """Adds a row to a folder of runs; a row that is there already is written again.

    Args:
        out: the folder.
        row: the row.
        ranks: test ranks of each image and of each caption, from 0.

    Returns:
        The row's own folder.

    Raises:
        VsebenchError: a row of that name on that data is of other files, or the folder cannot be
            written.
    """
    folder = out / EXTERNAL / f"{_slug(row.name)}-{row.row_id[:_ID_DIGITS]}"
    for reader in external_readers(out):
        other = external_row(reader)
        if (other.name, other.data_fingerprint) == (row.name, row.data_fingerprint) and (
            other.row_id != row.row_id
        ):
            way = "delete" if isinstance(reader, RunDirectory) else "unpack and delete"
            raise VsebenchError(
                f"{out} has a row '{row.name}' of other files: choose another --name, or {way} "
                f"{reader.path}"
            )
    with files.guarded(folder):
        folder.mkdir(parents=True, exist_ok=True)
    write_arrays(folder / RANKS, {"i2t": ranks[0], "t2i": ranks[1]})
    files.write_text(folder / ROW, row.model_dump_json(indent=1) + "\n")
    return folder


def read_external(out: Path) -> tuple[ExternalRow, ...]:
    """The external rows of a folder of runs and of its pack, in the order in which they were added.

    Raises:
        VsebenchError: one is damaged, or was written by a newer version.
    """
    rows = [external_row(reader) for reader in external_readers(out)]
    return tuple(sorted(rows, key=lambda row: (row.added, row.name)))


def external_readers(out: Path) -> list[RunReader]:
    """What reads each external row of a folder, by name; one that lies in a folder of its own and
    in the pack once.

    Raises:
        VsebenchError: the pack is damaged.
    """
    pack = Pack.of(out)
    found: dict[str, RunReader] = {
        each.path.name: each for each in (pack.external if pack is not None else ())
    }
    for path in (out / EXTERNAL).glob(f"*/{ROW}"):
        found[path.parent.name] = _ExternalDirectory(path.parent)
    return [found[name] for name in sorted(found)]


def external_row(reader: RunReader) -> ExternalRow:
    """The external row that a reader reads.

    Raises:
        VsebenchError: it is damaged, or was written by a newer version.
    """
    try:
        content = from_json(reader.read_bytes(ROW))
        version = content.get("schema_version", SCHEMA) if isinstance(content, dict) else SCHEMA
        if isinstance(version, int) and version > SCHEMA:
            raise VsebenchError(
                f"{reader.where(ROW)} was written by a newer vsebench (schema {version}, this one "
                f"reads up to {SCHEMA}): upgrade vsebench"
            )
        return ExternalRow.model_validate(content)
    except ValidationError as error:
        why = error.errors(include_url=False)[0]
        named = ValueError(f"{'.'.join(map(str, why['loc']))}: {why['msg']}")
        raise reader.damaged(ROW, named) from error
    except (OSError, ValueError) as error:
        raise reader.damaged(ROW, error) from error


class _ExternalDirectory(RunDirectory):
    """The folder of an external row."""

    def remedy(self, name: str) -> str:  # noqa: ARG002  # either file
        return f"delete {self.path} and add the row again with 'vsebench add-row'"


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:_SLUG_LENGTH] or "row"
