"""The unfinished files of a preparation, and what is known of them, so that a killed command goes
on where it was.

Everything is written into TARGET/.unfinished, whose `state.json` says which rows of which table are
safely on disk. When all is there, the files move to TARGET one by one, the manifest last: a folder
without a manifest is not whole.
"""

from __future__ import annotations

import json
import shutil
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from vsebench import files
from vsebench.plugin import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

UNFINISHED, STATE, LOCK = ".unfinished", "state.json", ".lock"


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
        files.write_bytes(self.folder / name, content)

    def publish(self) -> None:
        """Moves the files to the target and removes the folder."""
        for name in self._outputs:
            files.move(self.folder / name, self.target / name)
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
                files.move(self.target / name, self.folder / name)

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
