"""Who works on a run: a claim that ends with its holder.

The lease of a directory is the file `lease-N.json` with the largest N. A claim creates number N+1,
which the file system lets one process do; the file of the largest number is never removed, so that
a claimer who judged an older lease and was then held up cannot take a newer one away. A holder that
was killed loses its lease at once for processes of the same machine, and after 120 s without a
heartbeat for other machines. One that lives and gives no heartbeat, because it was stopped or hangs
in native code, loses it to processes of the same machine after as long as it may make no progress,
120 s at least and 600 s at most; it notices before it writes.

A thread gives the heartbeats, so they say nothing of a run that hangs in Python. They end when it
has made no progress for as long as it may, and return with the next.
"""

from __future__ import annotations

import json
import math
import os
import re
import socket
import threading
import time
import uuid
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from vsebench import files
from vsebench.results.folder.process import machine_id, start_time

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

EXPIRY_SECONDS = 120.0
LOCAL_EXPIRY_SECONDS = 600.0
HEARTBEAT_SECONDS = 30.0

_NAME = re.compile(r"lease-([1-9]\d*)\.json")
_RELEASED = '{"released": true}\n'


@dataclass(frozen=True)
class Holder:
    """The process that holds a lease.

    Attributes:
        host: its host name, for people.
        pid: its process id.
        machine: what that pid counts within (see `machine_id`); None where it cannot be told.
        started: time at which the process started; with the pid it identifies the process.
        stall: seconds that it may make no progress; None is no limit.
    """

    host: str
    pid: int
    machine: str | None
    started: str | None
    stall: float | None = None

    @classmethod
    def current(cls, stall: float | None = None) -> Holder:
        pid = os.getpid()
        return cls(socket.gethostname(), pid, machine_id(), start_time(pid), stall)

    def alive(self, age: float) -> bool:
        """Whether it still works, when its last heartbeat is `age` seconds old."""
        if self.machine is not None and self.machine == machine_id():
            lives = self.started is not None and start_time(self.pid) == self.started
            return lives and age < self._patience
        return age < EXPIRY_SECONDS

    @property
    def _patience(self) -> float:
        """Seconds without a heartbeat after which it loses its lease though it lives."""
        if self.stall is None:
            return LOCAL_EXPIRY_SECONDS
        # its last heartbeat may be that much older than its last progress
        stall = min(LOCAL_EXPIRY_SECONDS, self.stall) + HEARTBEAT_SECONDS
        return min(LOCAL_EXPIRY_SECONDS, max(EXPIRY_SECONDS, stall))


class Lease:
    """The right to write to one run's directory; got with `claim`, kept with `hold`."""

    def __init__(self, path: Path, stall: float | None = None) -> None:
        self.path = path
        self._stall = math.inf if stall is None else stall
        self._moved = False
        self._beaten = time.monotonic()
        self._taken = False

    @classmethod
    def claim(cls, directory: Path, stall: float | None = None) -> Lease | None:
        """Claims a directory (made when it is missing); None when another process holds it, this
        very one included.

        Whoever gets the lease also clears away what a killed writer left.

        Args:
            directory: the directory.
            stall: seconds without `progress` after which the lease may expire; None is no limit.

        Raises:
            VsebenchError: the directory cannot be written.
        """
        with files.guarded(directory):
            directory.mkdir(parents=True, exist_ok=True)
            path = _claim(directory, Holder.current(stall))
            if path is None:
                return None
            files.sweep(directory)
        return cls(path, stall)

    @property
    def lost(self) -> bool:
        """Whether the lease no longer protects: taken by another process, or its heartbeat failed
        for so long that it may be taken any time.
        """
        return self._taken or time.monotonic() - self._beaten >= EXPIRY_SECONDS

    def heartbeat(self) -> None:
        """Shows other machines that the holder works. A heartbeat that the file system refuses does
        not count, and `lost` is true after 120 s of those.
        """
        try:
            os.utime(self.path)
        except FileNotFoundError:
            self._taken = True
        except OSError:
            return
        else:
            self._beaten = time.monotonic()

    def progress(self) -> None:
        """Notes that the holder is getting on; heartbeats that had ended return at once."""
        self._moved = True
        if time.monotonic() - self._beaten >= 2 * HEARTBEAT_SECONDS:
            self.heartbeat()

    @contextmanager
    def hold(self) -> Iterator[Lease]:
        """Keeps the lease alive from a thread for the length of a block, then releases it. Whoever
        writes checks `lost` before.
        """
        stop = threading.Event()
        thread = threading.Thread(
            target=self._beat, args=(stop,), name=f"heartbeat {self.path}", daemon=True
        )
        thread.start()
        try:
            yield self
        finally:
            stop.set()
            thread.join()
            self.release()

    def release(self) -> None:
        """Lets anyone claim the directory.

        Raises:
            VsebenchError: the directory cannot be written.
        """
        if not self.lost:
            files.write_text(self.path, _RELEASED)

    def _beat(self, stop: threading.Event) -> None:
        idle = 0.0  # by beats: what passes while the process is stopped does not count
        while not stop.wait(HEARTBEAT_SECONDS):
            idle = 0.0 if self._moved else idle + HEARTBEAT_SECONDS
            self._moved = False
            if idle < self._stall:
                self.heartbeat()


def holder(directory: Path) -> Holder | None:
    """Who holds the lease of a directory, dead or alive; None when nobody does, or while it changes
    hands.
    """
    try:
        number = _largest(directory)
        return _read(_path(directory, number)) if number else None
    except (FileNotFoundError, ValueError):
        return None


def is_held(directory: Path, names: Iterable[str] | None = None) -> bool:
    """Whether a process holds the lease of a directory, as far as reading tells; only a claim
    decides.

    The age of another machine's heartbeat is taken by this machine's clock: where the file system's
    differs, that machine's death is noticed earlier or later by as much.

    Args:
        directory: the directory.
        names: names of its files, for whoever has listed them.
    """
    try:
        number = max(_numbers(directory) if names is None else _numbers_in(names), default=0)
        return number > 0 and _good(_path(directory, number), time.time())
    except OSError:  # missing, or not to be read: then whoever claims it hears why
        return False


def _claim(directory: Path, claimer: Holder) -> Path | None:
    """Creates the next lease file; None when the largest one is still good, or when another claimer
    was faster.
    """
    number = _largest(directory)
    path = _path(directory, number + 1)
    draft = directory / f".claim.{uuid.uuid4().hex}.tmp"
    content = json.dumps(asdict(claimer)) + "\n"
    try:
        draft.write_text(content, encoding="utf-8")
        # The draft's own time is the file system's idea of now, which clocks of different machines
        # agree on.
        if number and _good(_path(directory, number), draft.stat().st_mtime):
            return None
        _create(path, draft, content)
    except (FileExistsError, FileNotFoundError):
        # another claimer has the name, or has it and swept our draft away
        return None
    finally:
        draft.unlink(missing_ok=True)
    # Held up since looking: a later lease exists, and the name was free because it is history
    if _largest(directory) != number + 1:
        path.unlink(missing_ok=True)
        return None
    for older in _numbers(directory):
        if older <= number:
            _path(directory, older).unlink(missing_ok=True)
    return path


def _good(path: Path, now: float) -> bool:
    """Whether the lease keeps others out."""
    try:
        age = now - path.stat().st_mtime
        found = _read(path)
    except FileNotFoundError:  # a later lease has just replaced it
        return True
    except ValueError:  # not written to its end: by somebody now, or by somebody who was killed
        return age < EXPIRY_SECONDS
    return found is not None and found.alive(age)


def _read(path: Path) -> Holder | None:
    """The holder named in a lease file; None when it was released. Raises ValueError when the file
    is not a lease.
    """
    try:
        content = json.loads(files.read_bytes(path))
        if content == json.loads(_RELEASED):
            return None
        found = Holder(**content)
    except (TypeError, RecursionError) as error:
        raise ValueError(f"{path} is not a lease") from error
    if not isinstance(found.stall, int | float | None):
        raise ValueError(f"{path} is not a lease")
    return found


def _create(path: Path, draft: Path, content: str) -> None:
    """Makes `path` with the draft's content, whole from the start where the file system has hard
    links. Raises FileExistsError when it exists.
    """
    try:
        path.hardlink_to(draft)
    except (FileExistsError, FileNotFoundError):
        raise
    except OSError:  # no hard links here
        with path.open("x", encoding="utf-8") as file:
            file.write(content)


def _path(directory: Path, number: int) -> Path:
    return directory / f"lease-{number}.json"


def _largest(directory: Path) -> int:
    """The number of the newest lease file, 0 when there is none."""
    return max(_numbers(directory), default=0)


def _numbers(directory: Path) -> list[int]:
    return _numbers_in(path.name for path in directory.iterdir())


def _numbers_in(names: Iterable[str]) -> list[int]:
    found = (_NAME.fullmatch(name) for name in names)
    return [int(match[1]) for match in found if match is not None]
