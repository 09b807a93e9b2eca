"""A limit on how long a plugin may take to load, so that an endless import stops no command.

Python code is interrupted as by Ctrl-C, asleep or not. What cannot be interrupted, such as a call
into native code, ends the process: after a grace period a watchdog names the plugin and exits with
code 2. Native code that holds the interpreter lock keeps the watchdog from running, too; then
`faulthandler`, which needs no lock, prints where it hangs and exits with code 1.
"""

from __future__ import annotations

import _thread
import faulthandler
import os
import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from vsebench.plugin.errors import PluginError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Result = TypeVar("Result")

VARIABLE = "VSEBENCH_PLUGIN_TIMEOUT"
DEFAULT_SECONDS = 60.0
GRACE_SECONDS = 5.0
_WRONG_REQUEST = 2
_end_process = os._exit  # a plugin may not call it meanwhile
_STDERR = 2


class PluginTimeout(PluginError):  # noqa: N818  # named like TimeoutError's kin
    """A plugin did not load within the limit, and was interrupted."""


def limit() -> float:
    """Seconds that a plugin may take, from the environment; 0 is no limit.

    Raises:
        PluginError: the variable holds no such number.
    """
    text = os.environ.get(VARIABLE, "")
    try:
        seconds = float(text or DEFAULT_SECONDS)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < threading.TIMEOUT_MAX / 2:
        raise PluginError(
            f"{VARIABLE} is '{text}': expected the seconds that a plugin may take to load, or 0 "
            "for no limit"
        )
    return seconds


def within(
    seconds: float,
    call: Callable[[], Result],
    *,
    plugin: str,
    hint: str,
    grace: float = GRACE_SECONDS,
) -> Result:
    """Calls `call`, which must return in time. Only the main thread can be interrupted: in others,
    and for 0 seconds, there is no limit.

    Args:
        seconds: the limit.
        call: takes no argument.
        plugin: the plugin's name in the watchdog's message.
        hint: advice to the user.
        grace: seconds between the first interruption and the end of the process.

    Raises:
        PluginTimeout: it was interrupted, or returned too late.
    """
    if not seconds or threading.current_thread() is not threading.main_thread():
        return call()
    watchdog = _Watchdog(
        seconds,
        grace,
        f"vsebench: error: plugin {plugin} did not load within {seconds:g} s and cannot be "
        f"interrupted: {hint}\n",
    )
    try:
        with _interruptible():
            try:
                watchdog.start()
                result = call()
            finally:
                watchdog.stop()
    except KeyboardInterrupt:
        if not watchdog.expired:
            raise
    if watchdog.expired:
        raise PluginTimeout(f"it did not load within {seconds:g} s ({VARIABLE} sets the limit)")
    return result


@contextmanager
def _interruptible() -> Iterator[None]:
    """SIGINT raises KeyboardInterrupt, also in a process that was started to ignore it, as shells
    start what runs in the background.
    """
    before = signal.getsignal(signal.SIGINT)
    # None: not set from Python, and could not be put back
    if before is None or before is signal.default_int_handler:
        yield
        return
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


class _Watchdog:
    """Interrupts the main thread after some seconds, again each second, and ends the process after
    the grace period, unless it is stopped.
    """

    def __init__(self, seconds: float, grace: float, last_words: str) -> None:
        self.expired = False
        self._seconds = seconds
        self._grace = grace
        self._last_words = last_words
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(
            target=self._watch, daemon=True, name="vsebench plugin watchdog"
        )

    def start(self) -> None:
        faulthandler.dump_traceback_later(self._seconds + 2 * self._grace, exit=True, file=_STDERR)
        self._thread.start()

    def stop(self) -> None:
        """From here on nothing is interrupted."""
        with self._lock:
            self._stopped.set()
        faulthandler.cancel_dump_traceback_later()

    def _watch(self) -> None:
        if self._stopped.wait(self._seconds):
            return
        for _ in range(max(1, round(self._grace))):
            self._interrupt()
            if self._stopped.wait(min(1.0, self._grace)):
                return
        os.write(_STDERR, self._last_words.encode())
        _end_process(_WRONG_REQUEST)

    def _interrupt(self) -> None:
        with self._lock:
            if self._stopped.is_set():
                return
            self.expired = True
            if hasattr(signal, "pthread_kill"):
                # Wakes a sleeping call, too
                signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
            else:
                _thread.interrupt_main()
