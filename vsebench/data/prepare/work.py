"""The unfinished files of a preparation, and what is known of them, so that a killed command goes
on where it was.

Everything is written into TARGET/.unfinished, whose `state.json` says which rows of which table are
safely on disk. When all is there, the files move to TARGET one by one, the manifest last: a folder
without a manifest is not whole.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import shutil
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, BinaryIO

from vsebench.plugin import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

UNFINISHED, STATE = ".unfinished", "state.json"


@dataclass(frozen=True)
class Progress:
    """The part of a table that is on disk for certain.

    Attributes:
        rows: images, from the first on.
        sha256: of the file up to there.
        largest: absolute value up to there.
    """

    rows: int
    sha256: str
    largest: float


class Work:
    """The folder of unfinished files of one target, which must be locked.

    Args:
        target: the folder that the finished files go to.
        plan: identifies inputs and options; work on another plan is not gone on with.
        outputs: all files to be made, in the order in which they are published.

    Raises:
        DataError: there is unfinished work on another plan, or the target holds such files already.
    """

    def __init__(self, target: Path, plan: str, outputs: Sequence[str]) -> None:
        self.target = target
        self.folder = target / UNFINISHED
        self._plan = plan
        self._outputs = outputs
        self._tables: dict[str, Progress] = {}
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
        return self._tables.get(name)

    def note(self, name: str, progress: Progress) -> None:
        """Remembers progress of a table, whose file must have been settled."""
        self._tables[name] = progress
        self._save()

    def write(self, name: str, content: bytes) -> None:
        """Writes a small file, whole or not at all."""
        temporary = self.folder / f"{name}.new"
        with temporary.open("wb") as file:
            file.write(content)
            settle(file)
        temporary.replace(self.folder / name)

    def publish(self) -> None:
        """Moves the files to the target and removes the folder."""
        for name in self._outputs:
            (self.folder / name).replace(self.target / name)
        shutil.rmtree(self.folder)

    def _take_up(self) -> None:
        """Goes on with what a killed command left; files that it had published already are taken
        back.
        """
        state = json.loads((self.folder / STATE).read_bytes())
        if state["plan"] != self._plan:
            raise DataError(
                f"{self.folder} is unfinished work with other files or options: finish that, "
                "delete it, or choose another --to"
            )
        self._tables = {name: Progress(**known) for name, known in state["tables"].items()}
        for name in self._outputs:
            if (self.target / name).is_file() and not (self.folder / name).exists():
                (self.target / name).replace(self.folder / name)

    def _save(self) -> None:
        self.write(
            STATE,
            json.dumps(
                {
                    "plan": self._plan,
                    "tables": {name: asdict(known) for name, known in self._tables.items()},
                }
            ).encode(),
        )


def settle(file: BinaryIO) -> None:
    """Hands what was written to the disk, so that it outlives a crash of the machine."""
    file.flush()
    os.fsync(file.fileno())


@contextmanager
def locked(target: Path) -> Iterator[None]:
    """Makes the target folder and keeps other preparations out of it; what the file system refuses
    is said in one line.

    A folder that was made here and is empty at the end is removed.

    Raises:
        DataError: another process prepares this folder, it cannot be written, or the disk is full.
    """
    made = not target.exists()
    try:
        target.mkdir(parents=True, exist_ok=True)
        handle = os.open(target, os.O_RDONLY | os.O_DIRECTORY)
        try:
            _lock(handle, target)
            yield
        finally:
            os.close(handle)
            if made and not any(target.iterdir()):
                target.rmdir()
    except OSError as error:
        raise _refused(target, error) from error


def _lock(handle: int, target: Path) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise DataError(
            f"{target} is being prepared by another process: wait for it, or choose another --to"
        ) from None


def _refused(target: Path, error: OSError) -> DataError:
    reason = error.strerror or str(error)
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return DataError(
            f"cannot write {target}: {reason}; free space and run the same command, which goes on "
            f"from there, or delete {target / UNFINISHED}"
        )
    return DataError(f"cannot write {target}: {reason}; fix its permissions or choose another --to")
