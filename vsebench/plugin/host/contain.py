"""Containment of plugins: settings and functions of the process that they change are put back, and
they cannot end the process abruptly.

`contained` wraps imports and constructors: changes are put back and noted, and do no harm.
`unchanged` wraps a run: any change inside has affected some of its numbers, so that the run fails.
"""

from __future__ import annotations

import logging
import os
import random
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

from vsebench.plugin.errors import PluginError
from vsebench.plugin.host import globals as shared

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from vsebench.plugin.host.globals import Change

_log = logging.getLogger("vsebench")
_noted: dict[str, None] = {}


class _Watched:
    """The process state that numbers depend on, and the plugins that may have changed it."""

    def __init__(self, plugins: Sequence[str]) -> None:
        self._plugins = plugins
        self._state = shared.now()
        self._seed = _seed()

    def reseeded(self) -> None:
        """The suite itself has seeded torch's random numbers."""
        self._seed = _seed()

    def check(self) -> None:
        """Puts changes back.

        Raises:
            PluginError: something has.
        """
        changes = [str(change) for change in self._state.put_back()]
        if self._seed != (found := _seed()):
            self._seed = found
            changes.append("the seed of torch's random numbers")
        if not changes:
            return
        self._state = shared.now()  # with what could not be put back; it is said once
        who = " or ".join(self._plugins) or "something in its process"
        raise PluginError(
            f"{who} changed {' and '.join(changes)} while the run was made, which falsifies its "
            "numbers: leave the component out, or have its author set that back"
        )


_watched: _Watched | None = None


@contextmanager
def unchanged(plugins: Sequence[str] = ()) -> Iterator[None]:
    """Within it, the process's shared state stays as it is.

    Args:
        plugins: names of the third-party plugins in use.

    Raises:
        PluginError: at the end, or at a `check_unchanged`: something has changed it.
    """
    global _watched  # noqa: PLW0603  # as what it watches
    before, _watched = _watched, _Watched(plugins)
    try:
        yield
        check_unchanged()
    except Exception as error:
        try:
            check_unchanged()
        except PluginError as reason:  # or what failed did so because of it
            raise reason from error
        raise
    finally:
        _watched = before


def check_unchanged() -> None:
    """Checks that nothing has changed since `unchanged` was entered; outside of it, does nothing.

    Raises:
        PluginError: something has, and was put back where that is possible.
    """
    if _watched is not None:
        _watched.check()


def reseeded() -> None:
    """Notes that the suite itself has seeded torch's random numbers."""
    if _watched is not None:
        _watched.reseeded()


@contextmanager
def contained(plugin: str, doing: str, *, subject: str = "") -> Iterator[None]:
    """Puts back and notes changes made inside. An attempt to end the process is an error.

    Args:
        plugin: the plugin's name in errors and notes.
        doing: description of the activity inside: `when it was imported`.
        subject: start of errors, if their context names the plugin already.

    Raises:
        PluginError: what changed cannot be put back, or it tried to end the process.
    """
    before = shared.now()
    failed = True
    try:
        with _staying(subject or plugin, doing):
            yield
        failed = False
    finally:
        changes = before.put_back()
        if any(change.put_back for change in changes):
            _note(f"{plugin} changed {_named(changes, put_back=True)} {doing}: put back")
        if not failed and not all(change.put_back for change in changes):
            raise PluginError(
                f"{subject or plugin} changed {_named(changes, put_back=False)} {doing}, which "
                "cannot be put back"
            )


@contextmanager
def same_random_numbers() -> Iterator[None]:
    """Puts back the random states of Python, numpy and torch, if loaded: an import may draw from or
    seed them, and must not affect any stream.
    """
    python = random.getstate()
    numpy, torch = sys.modules.get("numpy.random"), sys.modules.get("torch")
    states = numpy and numpy.get_state(), torch and torch.get_rng_state()
    try:
        yield
    finally:
        random.setstate(python)
        if numpy is not None:
            numpy.set_state(states[0])
        if torch is not None:
            torch.set_rng_state(states[1])


def noted() -> list[str]:
    """Descriptions of what was put back in this process, each once."""
    return list(_noted)


def decide_exit(code: int) -> None:
    """From here on the process ends with this code, whatever code `os._exit` is given."""
    end = os._exit
    process = os.getpid()

    def decided(wanted: int) -> NoReturn:
        end(code if os.getpid() == process else wanted)

    os._exit = decided  # type: ignore[assignment]


@contextmanager
def _staying(subject: str, doing: str) -> Iterator[None]:
    """Within it, this thread cannot call `os._exit`, which would skip every report. Child processes
    can.
    """
    end: Callable[[int], NoReturn] = os._exit
    process, thread = os.getpid(), threading.get_ident()

    def refused(code: Any = 0) -> NoReturn:
        if (os.getpid(), threading.get_ident()) == (process, thread):
            raise PluginError(
                f"{subject} called os._exit({code}) {doing}, which ends the whole process"
            )
        end(code)

    os._exit = refused  # type: ignore[assignment]
    try:
        yield
    finally:
        os._exit = end  # type: ignore[assignment]


def _named(changes: Sequence[Change], *, put_back: bool) -> str:
    return " and ".join(str(change) for change in changes if change.put_back == put_back)


def _note(text: str) -> None:
    if text not in _noted:
        _noted[text] = None
        _log.warning(text)


def _seed() -> int | None:
    torch = sys.modules.get("torch")
    return None if torch is None else torch.initial_seed()
