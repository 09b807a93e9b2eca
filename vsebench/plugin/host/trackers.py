"""The trackers that watch the runs of a command."""

from __future__ import annotations

import os
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING

from vsebench.plugin.errors import SpecError, did_you_mean, require
from vsebench.plugin.host.loader import load_plugins
from vsebench.plugin.runtime import VARIABLE, Tracker

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


@contextmanager
def tracked(names: Sequence[str], files: Sequence[str] = ()) -> Iterator[None]:
    """Within it, the trackers of these names watch every run, in any process.

    Args:
        names: names of trackers; without any, those that the environment asks for.
        files: paths of plugin files that may have some.

    Raises:
        SpecError: there is no such tracker.
        MissingExtraError: the library that one needs is not installed.
    """
    if not names:
        yield
        return
    plugins = load_plugins(tuple(files))
    known = {
        found.name: found for info in plugins.infos if (found := plugins.tracker(info)) is not None
    }
    for name in names:
        if name not in known:
            raise SpecError(f"unknown tracker '{name}': {did_you_mean(name, known)}")
        _check(known[name])
    before = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = ",".join(names)
    try:
        yield
    finally:
        if before is None:
            del os.environ[VARIABLE]
        else:
            os.environ[VARIABLE] = before


def _check(tracker: Tracker) -> None:
    if tracker.library and tracker.extra:
        require(tracker.library, extra=tracker.extra, purpose=f"runs tracked by {tracker.name}")
    elif tracker.library and find_spec(tracker.library) is None:
        raise SpecError(f"tracker '{tracker.name}' needs {tracker.library}: pip install it")
