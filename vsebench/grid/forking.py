"""Runs' processes forked from one that has loaded what they need: see
`vsebench.grid.fork_server`.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager, nullcontext, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vsebench.grid.job import environment

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager

    from vsebench.grid.suite import Suite

AVAILABLE = sys.platform == "linux" and hasattr(os, "pidfd_open")
"""Elsewhere libraries do not survive a fork, or nobody can tell whether they do."""

_NVIDIA = (Path("/dev/nvidiactl"), Path("/dev/dxg"))
"""Where there are CUDA devices; torch knows better, and takes a second to be asked."""
LOADING_SECONDS = 120.0
"""For the process to load what runs need and to fork the first one."""
ANSWER_SECONDS = 30.0
"""For it to fork another."""
_LAST_WORD_SECONDS = 5.0
"""For it to tell how a run's process ended, which has ended."""
_MESSAGE = 4096
_current: ContextVar[ForkServer | None] = ContextVar("fork server", default=None)


class ForkServer:
    """A process that loads libraries and kernels as soon as it is started, and then forks runs. It
    ends with this one.

    Attributes:
        environment: environment of its runs, which is that of a run with one thread.
    """

    def __init__(self) -> None:
        self.environment = environment(threads=1)
        self._answered = False
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs, os.fdopen(os.memfd_create("printed while loading"), "wb") as printed:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "vsebench.grid.fork_server", str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=printed,
                env=self.environment,
                pass_fds=[theirs.fileno()],
                process_group=0,
            )

    def fork(self, arguments: Sequence[str], streams: tuple[int, int, int]) -> ForkedProcess | None:
        """Starts the process of a run.

        Args:
            arguments: those of `vsebench.grid.worker`.
            streams: its standard input, output and error.

        Returns:
            None where a new process must be started instead: this one has ended, or has threads,
            which would not survive.
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.settimeout(ANSWER_SECONDS if self._answered else LOADING_SECONDS)
        message = json.dumps({"arguments": arguments}).encode()
        folder = os.open(".", os.O_PATH | os.O_DIRECTORY)
        with theirs:
            try:
                socket.send_fds(self._socket, [message], [*streams, folder, theirs.fileno()])
            except OSError:  # it has ended
                ours.close()
                return None
            finally:
                os.close(folder)
        try:
            answer, handles = _receive(ours)
        except TimeoutError:  # it was stopped; nothing may be forked later
            self._process.kill()
            answer, handles = None, []
        self._answered = answer is not None
        if answer is None or not handles:
            ours.close()
            return None
        ours.settimeout(None)
        return ForkedProcess(ours, answer["forked"], handles[0])

    def close(self) -> None:
        """Ends the process; the runs that it has forked must have ended."""
        self._socket.close()
        self._process.kill()
        self._process.wait()


class ForkedProcess:
    """A process that a `ForkServer` has forked; it ends with this one, and may outlive the server.

    Args:
        connection: connection to the server, which tells of the end.
        pid: its process id.
        handle: a descriptor of the process.

    Attributes:
        pid: its process id.
    """

    def __init__(self, connection: socket.socket, pid: int, handle: int) -> None:
        self.pid = pid
        self._connection, self._handle = connection, handle
        self._code: int | None = None
        self._ended = False
        self._closing = threading.Lock()

    def kill(self) -> None:
        with self._closing, suppress(OSError):  # it has ended
            if not self._ended:
                signal.pidfd_send_signal(self._handle, signal.SIGKILL)

    def wait(self) -> int | None:
        if self._ended:
            return self._code
        answer = self._answer()
        with self._closing:
            if not self._ended:
                self._code = None if answer is None else answer["code"]
                self._ended = True
                self._connection.close()
                os.close(self._handle)
        return self._code

    def _answer(self) -> dict[str, Any] | None:
        """What the server says of its end; None where the server has ended or is stopped."""
        said = self._connection.fileno()
        if said in _readable(said, self._handle):
            answer, _ = _receive(self._connection)
            if answer is None:
                _readable(self._handle)
            return answer
        return (
            _receive(self._connection)[0] if _readable(said, seconds=_LAST_WORD_SECONDS) else None
        )


@contextmanager
def preloading() -> Iterator[ForkServer | None]:
    """Within it, local runs are forked from one process, which begins to load at once, so that it
    is ready when they are planned. Contexts inside share it, unless the environment has changed.

    Yields:
        The process; None where runs cannot be forked.
    """
    server = _current.get()
    if not AVAILABLE or (server is not None and server.environment == environment(threads=1)):
        yield server
        return
    server = ForkServer()
    token = _current.set(server)
    try:
        yield server
    finally:
        _current.reset(token)
        server.close()


def preloading_for(suite: Suite) -> AbstractContextManager[object]:
    """`preloading`, where the suite's runs are likely to be forked."""
    cuda = suite.device.startswith("cuda") or (
        suite.device == "auto" and any(path.exists() for path in _NVIDIA)
    )
    likely = suite.executor == "local" and not cuda
    return preloading() if likely else nullcontext()


def _readable(*descriptors: int, seconds: float | None = None) -> set[int]:
    """Those of the descriptors that can be read, or have ended; waits for one of them, without an
    end or for so many seconds.
    """
    poll = select.poll()
    for descriptor in descriptors:
        poll.register(descriptor, select.POLLIN)
    return {found for found, _ in poll.poll(None if seconds is None else 1000 * seconds)}


def _receive(connection: socket.socket) -> tuple[dict[str, Any] | None, list[int]]:
    """The next message with the descriptors that it carries; None where the other side has
    ended.

    Raises:
        TimeoutError: it says nothing for as long as the connection waits.
    """
    try:
        message, handles, _, _ = socket.recv_fds(connection, _MESSAGE, 1)
    except TimeoutError:
        raise
    except OSError:
        return None, []
    return json.loads(message) if message else None, handles
