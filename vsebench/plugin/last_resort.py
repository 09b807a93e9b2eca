"""Ends the process after some time, even where native code never lets the interpreter run again.

`faulthandler` then shows where each thread is, from a thread of its own that needs no interpreter;
it ends the process with code 1. On Linux a POSIX timer, whose expiry calls the C library's `_exit`
in a fresh thread (`SIGEV_THREAD`), ends it with the code that is asked for.
"""

from __future__ import annotations

import ctypes
import faulthandler
import sys

_STDERR = 2
_CLOCK_MONOTONIC = 1
_SIGEV_THREAD = 2
_TIME_TO_WRITE = 0.5


class _Event(ctypes.Structure):
    """`struct sigevent` of Linux: 64 bytes."""

    _fields_ = (
        ("value", ctypes.c_void_p),
        ("signal", ctypes.c_int),
        ("notify", ctypes.c_int),
        ("function", ctypes.c_void_p),
        ("attributes", ctypes.c_void_p),
        ("padding", ctypes.c_byte * 32),
    )


class _Times(ctypes.Structure):
    """`struct itimerspec`: an interval, and the time to the first expiry."""

    _fields_ = tuple(
        (name, ctypes.c_long) for name in ("every_s", "every_ns", "first_s", "first_ns")
    )


class LastResort:
    """Ends the process unless it is cancelled in time. There is one at a time.

    Args:
        seconds: until then.
        code: with which the process ends; 1 where the system has no such timers.
    """

    def __init__(self, seconds: float, code: int) -> None:
        self._timer = _exit_timer(seconds + _TIME_TO_WRITE, code)
        faulthandler.dump_traceback_later(seconds, exit=self._timer is None, file=_STDERR)

    def cancel(self) -> None:
        faulthandler.cancel_dump_traceback_later()
        if self._timer is not None:
            ctypes.CDLL(None).timer_delete(self._timer)


def _exit_timer(seconds: float, code: int) -> ctypes.c_void_p | None:
    """A running timer; None where there are none."""
    if sys.platform != "linux":
        return None
    library, timer = ctypes.CDLL(None), ctypes.c_void_p()
    try:
        create, start, leave = library.timer_create, library.timer_settime, library._exit
    except AttributeError:  # of a C library that keeps them elsewhere
        return None
    event = _Event(
        value=code, notify=_SIGEV_THREAD, function=ctypes.cast(leave, ctypes.c_void_p).value
    )
    if create(_CLOCK_MONOTONIC, ctypes.byref(event), ctypes.byref(timer)) != 0:
        return None
    times = _Times(first_s=int(seconds), first_ns=int(seconds % 1 * 1e9))
    start(timer, 0, ctypes.byref(times), None)
    return timer
