"""A small disk that can be filled."""

from __future__ import annotations

import errno
import os
import subprocess
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_SIZE = 1 << 28
_SCRIPT = '''
"""Stands in for a full disk in every process of the command: nothing reaches it while a file
exists.
"""
import errno, os
from pathlib import Path

_full, _fsync = Path(os.environ["SOAK_DISK_IS_FULL"]), os.fsync

def fsync(descriptor):
    if _full.exists():
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    _fsync(descriptor)

os.fsync = fsync
'''


class Disk(Protocol):
    """A folder whose disk can be filled.

    Attributes:
        folder: lies on the disk.
        kind: how it is filled, in words.
        environment: what commands need to know of it.
    """

    folder: Path
    kind: str
    environment: dict[str, str]

    def fill(self) -> None:
        """Leaves no room."""

    def free(self) -> None:
        """Makes room again."""


class _Mounted:
    """A file system of its own, in memory, which a file fills."""

    kind = "a file system of 256 MiB, filled by a file"

    def __init__(self, folder: Path) -> None:
        self.folder, self.environment = folder, dict[str, str]()
        self._ballast = folder / "ballast"

    def fill(self) -> None:
        with self._ballast.open("ab") as file, suppress(OSError):
            while True:
                room = os.statvfs(self.folder)
                size = room.f_bavail * room.f_bsize
                if not size:
                    break
                os.posix_fallocate(file.fileno(), file.seek(0, os.SEEK_END), size)

    def free(self) -> None:
        self._ballast.unlink(missing_ok=True)


class _Pretended:
    """A folder like any other; in the commands' processes whatever is to reach the disk is
    refused.
    """

    kind = "refused by os.fsync in every process, as no file system could be mounted"

    def __init__(self, folder: Path, beside: Path) -> None:
        self.folder, self._full = folder, beside / "full"
        (beside / "sitecustomize.py").write_text(_SCRIPT, encoding="utf-8")
        path = os.pathsep.join(filter(None, (str(beside), os.environ.get("PYTHONPATH"))))
        self.environment = {"PYTHONPATH": path, "SOAK_DISK_IS_FULL": str(self._full)}

    def fill(self) -> None:
        self._full.touch()

    def free(self) -> None:
        self._full.unlink(missing_ok=True)


@contextmanager
def small_disk(folder: Path) -> Iterator[Disk]:
    """A small disk in a new folder: a real one where this process may mount one."""
    disk = folder / "disk"
    disk.mkdir()
    if not _mount(disk):
        (folder / "site").mkdir()
        yield _Pretended(disk, folder / "site")
        return
    try:
        yield _Mounted(disk)
    finally:
        subprocess.run(["umount", disk], check=True)


def _mount(folder: Path) -> bool:
    try:
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={_SIZE},mode=700", "tmpfs", folder],
            capture_output=True,
            check=False,
        )
    except OSError as error:
        if error.errno != errno.ENOENT:
            raise
        return False
    return done.returncode == 0
