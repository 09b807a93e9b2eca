"""A slow shared file system: a real folder, of which every metadata operation is counted and takes
virtual time, with times of files in virtual time.

Operations are what a client asks its server for: opening or making a file, asking for its state,
setting its times, a link, a rename, a removal, a flush, and a folder's list of names, a page of
1,000 at a time. Reading and writing what is open is free, as files of runs are small.
"""

from __future__ import annotations

import builtins
import io
import os
import socket
import time
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from benchmarks.cluster.world import here

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from benchmarks.cluster.world import World

EPOCH = 1_900_000_000.0
"""What clocks show at the beginning."""

PAGE = 1000
"""Names that a listing brings at a time."""

MINUTE = 60

_REAL_STAT, _REAL_LISTDIR = os.stat, os.listdir
_WRITING = frozenset("wxa+")
_PATCHED = {
    "os": (os, ("open", "stat", "lstat", "listdir", "scandir", "mkdir", "link", "replace")),
    "more": (os, ("rename", "unlink", "remove", "rmdir", "utime", "fsync", "getpid")),
    "io": (io, ("open",)),
    "builtins": (builtins, ("open",)),
    "time": (time, ("time", "monotonic", "sleep")),
    "socket": (socket, ("gethostname",)),
}


class Disk:
    """The file system.

    Attributes:
        folder: the folder whose operations count.
        operations: number of operations by purpose and kind.
        seconds: what they took by purpose, over all threads.
        by_minute: number of operations by minute.
    """

    def __init__(self, world: World, folder: Path, latency: float) -> None:
        self.folder, self.latency = folder, latency
        self.operations: Counter[tuple[str, str]] = Counter()
        self.by_minute: Counter[int] = Counter()
        self._world, self._prefix = world, str(folder)
        self._modified: dict[int, float] = {}

    def charge(self, kind: str, operations: int = 1) -> None:
        """Has the thread that runs wait for its operations."""
        thread = here()
        assert thread is not None
        if not thread.process.dead:
            self.operations[thread.purposes[-1], kind] += operations
            self.by_minute[int(self._world.now // MINUTE)] += operations
        self._world.spend(operations * self.latency)

    def counts(self, path: object) -> bool:
        """Whether operations on a path count."""
        return (
            here() is not None
            and isinstance(path, str | os.PathLike)
            and os.fspath(path).startswith(self._prefix)  # type: ignore[arg-type]
        )

    def touched(self, inode: int, when: float | None = None) -> None:
        self._modified[inode] = self._world.now if when is None else when

    def state(self, found: os.stat_result) -> os.stat_result:
        """A file's state with its time in virtual time."""
        when = EPOCH + self._modified.get(found.st_ino, 0.0)
        values, names = found.__reduce__()[1]
        return os.stat_result(values, {**names, "st_mtime": when, "st_mtime_ns": int(when * 1e9)})

    @contextmanager
    def mounted(self) -> Iterator[None]:
        """Has every thread of the world use this file system and the world's clock."""
        real = {
            (module, name): getattr(module, name)
            for module, names in _PATCHED.values()
            for name in names
        }
        for (module, name), function in real.items():
            make = getattr(self, f"_{name}", None)
            wrapped = self._one(name, function) if make is None else make(function)
            setattr(module, name, wrapped)
        try:
            yield
        finally:
            for (module, name), function in real.items():
                setattr(module, name, function)

    def _one(self, kind: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """An operation on a path that is its first argument."""

        def charged(path: Any, *args: Any, **kwargs: Any) -> Any:
            if self.counts(path):
                self.charge(kind)
            return function(path, *args, **kwargs)

        return charged

    def _open(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def charged(path: Any, mode: Any = "r", *args: Any, **kwargs: Any) -> Any:
            if not self.counts(path) or (thread := here()) is None or thread.opening:
                return function(path, mode, *args, **kwargs)
            self.charge("open")
            thread.opening = True
            try:
                file = function(path, mode, *args, **kwargs)
            finally:
                thread.opening = False
            if isinstance(mode, str) and _WRITING & set(mode):
                self.touched(os.fstat(file.fileno()).st_ino)
            return file

        return charged

    def _stat(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def charged(path: Any, *args: Any, **kwargs: Any) -> Any:
            if not self.counts(path):
                return function(path, *args, **kwargs)
            self.charge("stat")
            return self.state(function(path, *args, **kwargs))

        return charged

    _lstat = _stat

    def _listdir(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def charged(path: Any = ".") -> Any:
            if not self.counts(path):
                return function(path)
            self.charge("list")
            names = function(path)
            if len(names) > PAGE:
                self.charge("list", len(names) // PAGE)
            return names

        return charged

    def _scandir(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def charged(path: Any = ".") -> Any:
            if self.counts(path):
                self.charge("list")
                pages = len(_REAL_LISTDIR(path)) // PAGE
                if pages:
                    self.charge("list", pages)
            return function(path)

        return charged

    def _utime(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def charged(path: Any, *args: Any, **kwargs: Any) -> Any:
            if self.counts(path):
                self.charge("utime")
                self.touched(_REAL_STAT(path).st_ino)
            return function(path, *args, **kwargs)

        return charged

    def _fsync(self, function: Callable[..., Any]) -> Callable[..., Any]:  # noqa: ARG002
        def charged(descriptor: int) -> None:  # noqa: ARG001
            if here() is not None:
                self.charge("fsync")

        return charged

    def _time(self, function: Callable[[], float]) -> Callable[[], float]:
        return lambda: function() if here() is None else EPOCH + self._world.now

    def _monotonic(self, function: Callable[[], float]) -> Callable[[], float]:
        return lambda: function() if here() is None else self._world.now

    def _sleep(self, function: Callable[[float], None]) -> Callable[[float], None]:
        def sleep(seconds: float) -> None:
            (function if here() is None else self._world.wait)(seconds)

        return sleep

    def _getpid(self, function: Callable[[], int]) -> Callable[[], int]:
        return lambda: function() if (thread := here()) is None else thread.process.pid

    def _gethostname(self, function: Callable[[], str]) -> Callable[[], str]:
        return lambda: function() if (thread := here()) is None else thread.process.node
