"""Files and folders that are whole or absent, and locks that end with their holder: the ground that
everything which writes stands on.

A file is written under a temporary name, flushed to the disk and renamed, and so is a folder; then
the folder that holds the name is flushed too. Whoever is killed at any moment, by a signal or by
the loss of power, leaves the old content or the new one, never a part. What a killed writer leaves
behind has a hidden name, and is removed by `sweep`, or by the next `appearing` of the same folder.
"""

from __future__ import annotations

import errno
import fcntl
import glob
import json
import os
import re
import secrets
import shutil
import stat
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from vsebench.plugin.errors import VsebenchError, WriteError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ABANDONED = 3600.0
"""Seconds without a write after which an unfinished folder is taken for that of a process that
died.
"""

MOST_JSON = 1 << 26
"""Bytes of a JSON file that describes something; none that was meant is so large."""

_POLL = 0.2
"""Seconds between two looks at a lock that another process holds."""

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
NONE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)
"""Numbers of errors that say that there is no such file."""
_LEFTOVER = re.compile(r"\..+\.[0-9a-f]+\.tmp")


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A binary file that becomes `path` when the block ends without an error; until then `path`
    keeps its old content.

    A link stays one and its target is replaced; a pipe or a device, which a file must not take the
    place of, is written to.

    Raises:
        WriteError: the disk is full, or the folder cannot be written.
    """
    mode = _mode(path.lstat)  # one question, as it is asked for every file
    linked = stat.S_ISLNK(mode)
    if linked:
        mode = _mode(path.stat)
    if mode and not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        with guarded(path), path.open("wb") as stream:
            yield stream
        return
    target = Path(os.path.realpath(path)) if linked else path
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(8)}.tmp")
    with guarded(path):
        try:
            with temporary.open("xb") as file:
                yield file
                settle(file)
            move(temporary, target)
        except BaseException:
            _discard(temporary)
            raise


def write_bytes(path: Path, content: bytes) -> None:
    """Replaces `path` by `content`, all or nothing.

    Raises:
        WriteError: the disk is full, or the folder cannot be written.
    """
    with replacing(path) as file:
        file.write(content)


def write_text(path: Path, content: str) -> None:
    """As `write_bytes`, in UTF-8 with the line ends given."""
    write_bytes(path, content.encode())


def read_bytes(path: Path, *, most: int | None = None) -> bytes:
    """The content of a file. Neither a pipe, which may have no end, nor a device is read.

    Args:
        path: the file.
        most: bytes that such a file may have; None for no limit.

    Raises:
        ValueError: it is no regular file, or larger.
        OSError: it is missing, or cannot be read.
    """
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        if most is not None and size > most:
            raise ValueError(f"it has {size:,} bytes, and at most {most:,} are read")
        return file.read()


def open_regular(path: Path) -> BinaryIO:
    """A file, open for reading. Neither a pipe nor a device is waited for.

    Raises:
        ValueError: it is no regular file.
        OSError: it is missing, or cannot be read.
    """
    file = open(path, "rb", opener=_without_waiting)  # noqa: SIM115  # a path has no opener
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise ValueError("it is no regular file")
    return file


def read_json(path: Path, *, most: int = MOST_JSON) -> Any:
    """What a JSON file holds.

    Args:
        path: the file.
        most: bytes that it may have.

    Raises:
        ValueError: it is not JSON, no regular file, or larger.
        OSError: it is missing, or cannot be read.
    """
    try:
        return json.loads(read_bytes(path, most=most))
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def append_text(path: Path, content: str) -> None:
    """Adds to a file in UTF-8, which makes it where it is missing; it is on disk when this returns.
    A killed writer may leave a part of `content`.

    Raises:
        WriteError: the disk is full, or the file cannot be written.
    """
    with guarded(path):
        new = not path.exists()
        with path.open("ab") as file:
            file.write(content.encode())
            settle(file)
        if new:
            _settle_folder(path.parent)


@contextmanager
def appearing(folder: Path) -> Iterator[Path]:
    """An empty folder that becomes `folder` when the block ends without an error, and is removed
    otherwise. The folder around it is made where needed.

    What processes that died left of the same folder is removed.

    Raises:
        WriteError: `folder` exists and is not empty, then or at the end; the disk is full; or it
            cannot be written.
    """
    unfinished = folder.with_name(f".{folder.name}.{secrets.token_hex(8)}.unfinished")
    with guarded(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        _sweep_folders(folder)
        try:
            unfinished.mkdir()
            yield unfinished
            for path in [*unfinished.rglob("*"), unfinished]:
                _settle(path)
            move(unfinished, folder)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)


@contextmanager
def locked(lock: Path, busy: str) -> Iterator[None]:
    """Keeps out other processes that lock the same file. A process that is killed loses its lock at
    once.

    Args:
        lock: the file, which is made, and removed at the end; its folder exists.
        busy: the error where another process holds it.

    Raises:
        VsebenchError: another process holds it.
        OSError: the file cannot be written, or its file system has no locks.
    """
    file = _lock(lock)
    if file is None:
        raise VsebenchError(busy)
    with _held(file, lock):
        yield


@contextmanager
def queued(lock: Path, waiting: Callable[[], None]) -> Iterator[None]:
    """As `locked`, but waits until the other process ends or is killed.

    Args:
        lock: the file.
        waiting: called again and again meanwhile; an error of its own ends the wait.

    Raises:
        OSError: the file cannot be written, or its file system has no locks.
    """
    while (file := _lock(lock)) is None:
        waiting()
        time.sleep(_POLL)
    with _held(file, lock):
        yield


def settle(file: BinaryIO) -> None:
    """Hands what was written to the disk, so that it outlives a crash of the machine."""
    file.flush()
    os.fsync(file.fileno())


def move(source: Path, target: Path) -> None:
    """Renames a file or a folder on its file system, in place of a file or an empty folder of that
    name; the new name outlives a crash of the machine.
    """
    source.replace(target)
    _settle_folder(target.parent)
    if source.parent != target.parent:
        _settle_folder(source.parent)


def sweep(directory: Path) -> None:
    """Removes temporary files of killed writers. Only for a directory that nobody else writes to
    now.
    """
    for path in directory.glob(".*.tmp"):
        if is_leftover(path.name):
            path.unlink(missing_ok=True)


def is_leftover(name: str) -> bool:
    """Whether a file has the name of a temporary one."""
    return _LEFTOVER.fullmatch(name) is not None


@contextmanager
def guarded(path: Path, *, choose: str = "another folder", resumes: bool = False) -> Iterator[None]:
    """Whatever the file system refuses in the block is reported in one line about `path`, the file
    or folder that a person named. Of blocks within each other the outer one says it.

    Args:
        path: what is written.
        choose: what a person may choose instead.
        resumes: whether the same command resumes where it stopped.

    Raises:
        WriteError: the disk is full, or something cannot be written.
    """
    try:
        yield
    except WriteError as error:
        raise cannot_write(path, error, choose=choose, resumes=resumes) from error
    except VsebenchError:  # a file that was to be read, or a lock
        raise
    except OSError as error:
        raise cannot_write(path, error, choose=choose, resumes=resumes) from error


def cannot_write(
    path: Path, error: OSError, *, choose: str = "another folder", resumes: bool = False
) -> WriteError:
    """The one line that a person reads when the file system refuses; see `guarded`."""
    above = (path, *path.parents)
    file = next((each for each in above if each.exists() and not each.is_dir()), None)
    if error.errno in (errno.EEXIST, errno.ENOTDIR) and file is not None:
        reason = f"{'it' if file == path else file} is a file; choose {choose}"
    elif error.errno == errno.ENOENT and not path.parent.exists():
        reason = f"there is no folder {path.parent}; make it or choose {choose}"
    elif error.errno in (errno.EEXIST, errno.ENOTEMPTY) and path.is_dir():
        reason = f"it exists already; choose {choose}"
    else:
        said = os.strerror(error.errno) if error.errno else str(error)
        remedy = "free space" if error.errno in _FULL else "fix its permissions"
        again = " and run the same command, which resumes," if resumes else ""
        do = (
            f"choose {choose}"
            if error.errno == errno.ELOOP
            else f"{remedy}{again} or choose {choose}"
        )
        reason = f"{said}; {do}"
    refusal = WriteError(f"cannot write {path}: {reason}")
    refusal.errno = error.errno
    return refusal


def _mode(state: Callable[[], os.stat_result]) -> int:
    """What kind of file there is; 0 where there is none, or a link to none."""
    try:
        return state().st_mode
    except OSError as error:
        if error.errno in NONE:
            return 0
        raise


def _without_waiting(path: str, flags: int) -> int:
    """Opens a file; a pipe, too, without a wait for who writes to it."""
    return os.open(path, flags | os.O_NONBLOCK)


def _lock(lock: Path) -> BinaryIO | None:
    """The locked file; None where another process holds it."""
    while True:
        # For writing: network file systems grant no exclusive lock on what is open for reading.
        file = lock.open("ab")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is(file, lock):
                return file
        except BlockingIOError:
            file.close()
            return None
        except BaseException:
            file.close()
            raise
        file.close()  # its holder ended, and removed it, after we had opened it


@contextmanager
def _held(file: BinaryIO, lock: Path) -> Iterator[None]:
    with file:
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)


def _is(file: BinaryIO, path: Path) -> bool:
    """Whether an open file still has that name."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _settle(path: Path) -> None:
    if path.is_dir():
        _settle_folder(path)
        return
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _settle_folder(folder: Path) -> None:
    """Hands the names in a folder to the disk, where its file system can do so."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)


def _sweep_folders(folder: Path) -> None:
    for left in folder.parent.glob(f".{glob.escape(folder.name)}.*.unfinished"):
        try:
            newest = max(path.lstat().st_mtime for path in (left, *left.rglob("*")))
        except FileNotFoundError:  # its process lives, or another one sweeps
            continue
        if time.time() - newest > ABANDONED:
            shutil.rmtree(left, ignore_errors=True)


def _discard(temporary: Path) -> None:
    """Removes a temporary file; the error that led here is the one to report, so a second one is
    not raised.
    """
    try:
        temporary.unlink(missing_ok=True)
    except OSError:
        return
