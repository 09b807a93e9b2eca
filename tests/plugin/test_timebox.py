"""A limit on how long a plugin may take to load."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import threading
import time

import pytest

from vsebench.plugin import PluginError
from vsebench.plugin.host.timebox import DEFAULT_SECONDS, PluginTimeout, limit, within

LONG = 60.0


def spin() -> None:
    while True:
        pass


def refuse_once() -> None:
    """Takes the first interruption for nothing."""
    with contextlib.suppress(KeyboardInterrupt):
        time.sleep(LONG)
    time.sleep(LONG)


@pytest.mark.parametrize(
    "call", [spin, lambda: time.sleep(LONG), lambda: threading.Event().wait(LONG), refuse_once]
)
def test_what_does_not_end_is_interrupted(call):
    with pytest.raises(
        PluginTimeout,
        match=r"within 0\.1 s \(VSEBENCH_PLUGIN_TIMEOUT",
    ):
        within(0.1, call, plugin="x", hint="")


def test_what_ends_too_late_is_too_late():
    def late() -> int:
        with contextlib.suppress(KeyboardInterrupt):
            time.sleep(LONG)
        return 1

    with pytest.raises(PluginTimeout):
        within(0.1, late, plugin="x", hint="")


def test_what_ends_in_time_is_returned_or_raised():
    assert within(LONG, lambda: 7, plugin="x", hint="") == 7
    with pytest.raises(ZeroDivisionError):
        within(LONG, lambda: 1 / 0, plugin="x", hint="")


def test_ctrl_c_is_no_timeout():
    def interrupted() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        within(LONG, interrupted, plugin="x", hint="")


@pytest.mark.parametrize("handler", [signal.SIG_IGN, lambda *_: None])
def test_it_works_where_sigint_is_handled_otherwise_and_leaves_that_as_it_was(handler):
    before = signal.signal(signal.SIGINT, handler)
    try:
        with pytest.raises(PluginTimeout):
            within(0.1, spin, plugin="x", hint="")
        assert signal.getsignal(signal.SIGINT) is handler
    finally:
        signal.signal(signal.SIGINT, before)


def test_other_threads_and_0_seconds_have_no_limit():
    results: list[str] = []

    def slow() -> str:
        time.sleep(0.05)
        return "done"

    thread = threading.Thread(
        target=lambda: results.append(within(0.01, slow, plugin="x", hint=""))
    )
    thread.start()
    thread.join()
    assert [*results, within(0, slow, plugin="x", hint="")] == ["done", "done"]


HANG = """
import ctypes
from vsebench.plugin.host.timebox import within
def hang():
    lock = ctypes.create_string_buffer(64)
    {library}.pthread_mutex_lock(lock), {library}.pthread_mutex_lock(lock)
within(0.1, hang, plugin="'x' (acme)", hint="uninstall it", grace=0.2)
"""


def test_what_cannot_be_interrupted_ends_the_process_by_name():
    done = subprocess.run(
        [sys.executable, "-c", HANG.format(library="ctypes.CDLL(None)")],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert (
        done.stderr == "vsebench: error: plugin 'x' (acme) did not load within 0.1 s and cannot be "
        "interrupted: uninstall it\n"
    )


def test_native_code_that_keeps_the_interpreter_to_itself_ends_too():
    done = subprocess.run(
        [sys.executable, "-c", HANG.format(library="ctypes.PyDLL(None)")],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert 'File "<string>", line 6 in hang' in done.stderr


def test_the_limit_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch):
    for text, seconds in (("", DEFAULT_SECONDS), ("2.5", 2.5), ("0", 0.0)):
        monkeypatch.setenv("VSEBENCH_PLUGIN_TIMEOUT", text)
        assert limit() == seconds
    for text in ("soon", "-1", "nan", "inf"):
        monkeypatch.setenv("VSEBENCH_PLUGIN_TIMEOUT", text)
        with pytest.raises(
            PluginError, match=f"VSEBENCH_PLUGIN_TIMEOUT is '{text}': expected the seconds"
        ):
            limit()
