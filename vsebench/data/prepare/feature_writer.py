"""The unfinished files of a preparation, and the feature arrays [images, N, width] among them,
written block by block: memory does not grow with the number of images, and a killed command resumes
where it was.

Everything is written into TARGET/.unfinished, whose `state.json` says which rows of which feature
table are safely on disk. When all is there, the files move to TARGET one by one, the manifest last:
a folder without a manifest is not whole.

A table is hashed as it is written. From time to time it is flushed and its hash noted; whoever
resumes hashes what is there, and trusts it only when the note agrees.
"""

from __future__ import annotations

import hashlib
import math
import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
from pydantic import BaseModel

from vsebench import files
from vsebench.data.reading import npy_header
from vsebench.files import settle
from vsebench.plugin import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from vsebench.data.prepare.source import SplitFeatures

UNFINISHED, STATE, LOCK = ".unfinished", "state.json", ".lock"
BLOCK = 64
"""Images held in memory at a time."""

NOTE_BYTES = 1 << 29
"""Bytes written between two notes: what a killed command has to do again."""

_READ = 1 << 22


@dataclass(frozen=True)
class Progress:
    """The part of a table that is on disk for certain.

    Attributes:
        rows: images, from the first on.
        sha256: SHA-256 of the file up to there.
        largest: absolute value up to there.
    """

    rows: int
    sha256: str
    largest: float


class _State(BaseModel):
    """What is noted: the plan, and progress by table."""

    plan: str
    tables: dict[str, Progress] = {}


class Work:
    """The folder of unfinished files of one target, which must be locked.

    Args:
        target: the folder that the finished files go to.
        plan: identifies inputs and options; work on another plan is not resumed.
        outputs: all files to be made, in the order in which they are published.

    Raises:
        DataError: there is unfinished work on another plan, or the target holds such files already.
    """

    def __init__(self, target: Path, plan: str, outputs: Sequence[str]) -> None:
        self.target = target
        self.folder = target / UNFINISHED
        self._outputs = outputs
        self._state = _State(plan=plan)
        if (self.folder / STATE).is_file():
            self._take_up()
        elif taken := [name for name in outputs if (target / name).exists()]:
            raise DataError(
                f"{target / taken[0]} exists and was not made by this command: choose another "
                "--to, or move it away"
            )
        else:
            self.folder.mkdir(exist_ok=True)
            self._save()

    def progress(self, name: str) -> Progress | None:
        """What is certain of a table; None before its first note."""
        return self._state.tables.get(name)

    def note(self, name: str, progress: Progress) -> None:
        """Remembers progress of a table, whose file must have been settled."""
        self._state.tables[name] = progress
        self._save()

    def write(self, name: str, content: bytes) -> None:
        """Writes a small file, whole or not at all."""
        files.write_bytes(self.folder / name, content)

    def publish(self) -> None:
        """Moves the files to the target and removes the folder."""
        for name in self._outputs:
            files.move(self.folder / name, self.target / name)
        shutil.rmtree(self.folder)

    def _take_up(self) -> None:
        """Resumes what a killed command left; files that it had published already are taken
        back.
        """
        try:
            state = _State.model_validate(files.read_json(self.folder / STATE))
        except (OSError, ValueError) as error:
            raise DataError(
                f"{self.folder / STATE} is damaged: delete {self.folder}, and run the same command "
                "again, which starts over"
            ) from error
        if state.plan != self._state.plan:
            raise DataError(
                f"{self.folder} is unfinished work with other files or options: finish that, "
                "delete it, or choose another --to"
            )
        self._state = state
        for name in self._outputs:
            if (self.target / name).is_file() and not (self.folder / name).exists():
                files.move(self.target / name, self.folder / name)

    def _save(self) -> None:
        self.write(STATE, self._state.model_dump_json().encode())


@contextmanager
def locked(target: Path) -> Iterator[None]:
    """Makes the target folder and keeps other preparations out of it; what the file system refuses
    is reported in one line.

    A folder that was made here and is empty at the end is removed.

    Raises:
        VsebenchError: another process prepares this folder.
        WriteError: it cannot be written, or the disk is full.
    """
    made = not target.exists()
    with files.guarded(target, choose="another --to", resumes=True):
        target.mkdir(parents=True, exist_ok=True)
        try:
            with files.locked(
                target / LOCK,
                f"{target} is being prepared by another process: wait for it, or choose another "
                "--to",
            ):
                yield
        finally:
            if made and not any(target.iterdir()):
                target.rmdir()


@dataclass(frozen=True)
class Written:
    """A finished table: the SHA-256 and size of its file, and the largest absolute value in it."""

    sha256: str
    bytes: int
    largest: float


def feature_bytes(split: SplitFeatures, dtype: np.dtype) -> int:
    """Size of the table without its header."""
    return math.prod(split.shape) * dtype.itemsize


def write_features(
    work: Work, name: str, split: SplitFeatures, dtype: np.dtype, advance: Callable[[int], None]
) -> Written:
    """Writes the images of a split, or what of them is not there yet.

    Args:
        work: the folder of unfinished files.
        name: name of the file.
        split: the images; shorter ones are padded with zeros.
        dtype: dtype of the table, float16 or float32.
        advance: callback that is told how many more images are done.

    Raises:
        DataError: features are damaged, not finite, or too large for the type.
        OSError: the file system refuses.
    """
    images, row_bytes = len(split.keys), feature_bytes(split, dtype) // len(split.keys)
    header = npy_header(split.shape, dtype)
    path = work.folder / name
    with path.open("r+b" if path.exists() else "w+b") as file:
        digest, done, largest = _resume(file, work.progress(name), header, row_bytes)
        advance(done)
        noted = done
        while done < images:
            block = _block(split, done, dtype)
            largest = max(largest, _largest(split, done, block))
            content = block.reshape(-1).view(np.uint8).data
            digest.update(content)
            file.write(content)
            done += len(block)
            if (done - noted) * row_bytes >= NOTE_BYTES or done == images:
                settle(file)
                work.note(name, Progress(done, digest.hexdigest(), largest))
                noted = done
            advance(len(block))
    return Written(digest.hexdigest(), len(header) + images * row_bytes, largest)


def _resume(
    file: BinaryIO, known: Progress | None, header: bytes, row_bytes: int
) -> tuple[hashlib._Hash, int, float]:
    """Puts the file behind the rows that are proven to be there; the hash so far, their number, and
    their largest value.
    """
    if known is not None:
        digest, left = hashlib.sha256(), len(header) + known.rows * row_bytes
        while left and (content := file.read(min(_READ, left))):
            digest.update(content)
            left -= len(content)
        if not left and digest.hexdigest() == known.sha256:
            file.truncate(file.tell())
            return digest, known.rows, known.largest
        file.seek(0)
    file.truncate(0)
    file.write(header)
    return hashlib.sha256(header), 0, 0.0


def _block(split: SplitFeatures, start: int, dtype: np.dtype) -> np.ndarray:
    """Images from `start` on, [up to BLOCK, N, width]."""
    keys = split.keys[start : start + BLOCK]
    block = np.empty((len(keys), *split.shape[1:]), dtype)
    with np.errstate(over="ignore"):  # infinities are found, and named, afterwards
        for i, key in enumerate(keys):
            features, length = _read(split, key), int(split.lengths[start + i])
            if features.shape != (length, split.width) or features.dtype.kind != "f":
                raise DataError(
                    f"{split.source.where(key)} holds {features.dtype} {features.shape}, expected "
                    f"floats ({length}, {split.width}): did it change meanwhile?"
                )
            block[i, :length] = features
            block[i, length:] = 0
    return block


def _read(split: SplitFeatures, key: str) -> np.ndarray:
    try:
        return split.source.read(key)
    except OSError as error:
        raise DataError(
            f"{split.source.where(key)} cannot be read: {error.strerror or error}"
        ) from error


def _largest(split: SplitFeatures, start: int, block: np.ndarray) -> float:
    """The largest absolute value, found in two passes over the bits as integers, which rank NaN and
    infinity above all numbers.

    Read as signed integers, positive values stand in their order; read as unsigned, negative ones
    stand above those, the largest on top.
    """
    unsigned = np.dtype(f"u{block.itemsize}")
    highest = int(block.view(unsigned).max()) & (np.iinfo(unsigned).max >> 1)
    highest = max(highest, int(block.view(f"i{block.itemsize}").max()))
    largest = float(unsigned.type(highest).view(block.dtype))
    if math.isfinite(largest):
        return largest
    bad = start + int(np.isfinite(block).all(axis=(1, 2)).argmin())
    where, values = split.source.where(split.keys[bad]), _read(split, split.keys[bad])
    if np.isfinite(values).all():
        raise DataError(
            f"{where} has the value {values.flat[np.abs(values).argmax()]:g}, more than float16 "
            "holds (65504): use --dtype float32"
        )
    raise DataError(
        f"{where} has a value that is not finite (NaN or infinity): compute these features again"
    )
