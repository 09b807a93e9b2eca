"""The process that runs are forked from: `python -m vsebench.grid.fork_server SOCKET`.

It imports torch, loads compiled kernels, and then makes a copy of itself for each run that it is
asked for. The copy is what `python -m vsebench.grid.worker RUN_DIR` is after its imports. This
process runs nothing itself and loads no plugin, so one run leaves nothing to another.

A copy has none of the threads of the original, but the locks that they held. So this process
starts none: it never touches CUDA, computes no gradient, and serves runs with one thread. Where a
library has started one all the same, it refuses, and runs get new processes.

A message on the socket asks for a run. It is `{"arguments": […]}` and carries five descriptors: the
run's standard input, output and error, its working directory, and a connection to answer on. The
answers are `{"forked": pid}`, with a descriptor of that process, or `{"refused": reason}`, then
`{"code": …}` when the run has ended, negative where a signal ended it. Who ends the connection
kills the run, and the end of the socket kills all of them.
"""

from __future__ import annotations

import gc
import json
import os
import select
import selectors
import signal
import socket
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vsebench.grid import worker
from vsebench.grid.preload import load, reseed
from vsebench.results import memory

if TYPE_CHECKING:
    from collections.abc import Sequence

_MESSAGE = 65_536
_PRINTED = 1
_TASKS = Path("/proc/self/task")


@dataclass(frozen=True)
class _Request:
    """What a copy of this process is to run.

    Attributes:
        arguments: those of `vsebench.grid.worker`.
        streams: descriptors of its standard input, output and error.
        folder: descriptor of its working directory.
        connection: takes the answers.
    """

    arguments: list[str]
    streams: tuple[int, int, int]
    folder: int
    connection: socket.socket

    def release(self) -> None:
        """Closes what only the copy needs."""
        for descriptor in (*self.streams, self.folder):
            os.close(descriptor)


@dataclass(frozen=True)
class _Copy:
    """A copy at work.

    Attributes:
        pid: its process.
        ended: a descriptor that can be read when it has ended.
        connection: connection to the process that asked for it.
    """

    pid: int
    ended: int
    connection: socket.socket

    def close(self) -> None:
        os.close(self.ended)
        self.connection.close()


def main() -> None:
    """Loads, then forks until the socket that the command line names ends."""
    server = socket.socket(fileno=int(sys.argv[1]))
    load(lambda: bool(select.select([server], [], [], 0)[0]))
    libraries = memory.mapped_files()
    gc.collect()
    gc.freeze()  # else a copy's first collection writes to, and so duplicates, all that it shares
    request = _Server(server).serve()
    if request is not None:
        memory.forked_with(libraries)
        _become(request)


class _Server:
    """Answers requests for copies."""

    def __init__(self, server: socket.socket) -> None:
        self._server = server
        self._selector = selectors.DefaultSelector()
        self._selector.register(server, selectors.EVENT_READ)

    def serve(self) -> _Request | None:
        """Serves until the socket ends; in a copy, returns what it is to run."""
        while True:
            for key, _ in self._selector.select():
                if key.data is None:
                    request = _receive(self._server)
                    if request is None:
                        self._kill_all()
                        return None
                    if self._answer(request) == 0:
                        return request
                elif key.fd == key.data.ended:
                    self._reap(key.data)
                else:
                    self._selector.unregister(key.data.connection)
                    os.kill(key.data.pid, signal.SIGKILL)

    def _answer(self, request: _Request) -> int | None:
        """Makes a copy where that is safe; returns 0 in the copy."""
        reason = _refusal()
        if reason is not None:
            _send(request.connection, {"refused": reason})
            request.release()
            request.connection.close()
            return None
        pid = os.fork()
        if pid == 0:
            self._forget()
            request.connection.close()
            return 0
        request.release()
        copy = _Copy(pid, os.pidfd_open(pid), request.connection)
        for source in (copy.ended, copy.connection):
            self._selector.register(source, selectors.EVENT_READ, copy)
        _send(copy.connection, {"forked": pid}, [copy.ended])
        return pid

    def _copies(self) -> list[_Copy]:
        copies = (key.data for key in self._selector.get_map().values())
        return list({copy.pid: copy for copy in copies if copy is not None}.values())

    def _forget(self) -> None:
        """Closes in a copy what belongs to the others."""
        for other in self._copies():
            other.close()
        self._selector.close()
        self._server.close()

    def _reap(self, copy: _Copy) -> None:
        with suppress(ProcessLookupError, PermissionError):  # what it has left behind
            os.killpg(copy.pid, signal.SIGKILL)
        _, status = os.waitpid(copy.pid, 0)
        _send(copy.connection, {"code": os.waitstatus_to_exitcode(status)})
        for source in (copy.ended, copy.connection):
            with suppress(KeyError):  # the connection had ended before
                self._selector.unregister(source)
        copy.close()

    def _kill_all(self) -> None:
        for copy in self._copies():
            os.kill(copy.pid, signal.SIGKILL)
            os.waitpid(copy.pid, 0)


def _refusal() -> str | None:
    """Why no copy can be made; None where one can."""
    threads = sum(1 for _ in _TASKS.iterdir())
    if threads > 1:
        return f"a library has started {threads - 1} threads"
    try:
        os.close(os.pidfd_open(os.getpid()))
    except OSError as error:
        return f"the end of a process cannot be waited for: {error}"
    return None


def _become(request: _Request) -> None:
    """Makes this process that of a run, as if it were a new one."""
    os.setpgid(0, 0)
    os.fchdir(request.folder)
    printed = os.pread(_PRINTED, os.fstat(_PRINTED).st_size, 0)
    for standard, stream in enumerate(request.streams):
        os.dup2(stream, standard)
    request.release()
    if printed:  # while loading: a new process would have said so, too
        os.write(sys.stderr.fileno(), printed)
    reseed()
    sys.argv = [worker.__file__, *request.arguments]
    worker.main()


def _receive(server: socket.socket) -> _Request | None:
    message, descriptors, _, _ = socket.recv_fds(server, _MESSAGE, 5)
    if not message:
        return None
    *streams, folder, connection = descriptors
    stdin, stdout, stderr = streams
    return _Request(
        json.loads(message)["arguments"],
        (stdin, stdout, stderr),
        folder,
        socket.socket(fileno=connection),
    )


def _send(
    connection: socket.socket, answer: dict[str, object], descriptors: Sequence[int] = ()
) -> None:
    with suppress(OSError):  # nobody waits for it any more
        socket.send_fds(connection, [json.dumps(answer).encode()], descriptors)


if __name__ == "__main__":
    main()
