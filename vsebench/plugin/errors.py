"""Errors that are the request's fault, not the program's.

The command line prints any of these as one line and exits with code 2; every other exception is a
bug and keeps its traceback. Each is also what Python users would catch: errors about values are
`ValueError`s, a file that is not there is a `FileNotFoundError`, one that cannot be written an
`OSError`, a library that is not installed an `ImportError`.
"""

from __future__ import annotations

import difflib
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class VsebenchError(Exception):
    """The request cannot be served as it stands; the message says what, where, what was expected
    and what to do.
    """


class SpecError(VsebenchError, ValueError):
    """A component spec, a parameter, a suite or a protocol key is not valid."""


class DataError(VsebenchError, ValueError):
    """A data set is missing, truncated, inconsistent or holds values that are not finite."""


class MissingError(DataError, FileNotFoundError):
    """A file or a folder that was named, or that a data set consists of, is not there."""


class WriteError(VsebenchError, OSError):
    """A file or a folder cannot be written; `errno` says why."""


class MissingExtraError(VsebenchError, ImportError):
    """A library that comes with an extra of the package is not installed."""


class PluginError(VsebenchError):
    """A plugin could not be loaded, or registered something that it may not."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Ends an error about `name`: the nearest of `known`, or all of them when none is near.

    >>> did_you_mean("gpoo", ["gpo", "mean"])
    "did you mean 'gpo'?"
    >>> did_you_mean("xyz", ["gpo", "mean"])
    'known: gpo, mean'
    """
    names = sorted(known)
    near = nearest(name, names)
    return f"did you mean '{near}'?" if near else f"known: {', '.join(names) or 'none'}"


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The name that `name` may be a misspelling of; None where none is near."""
    lowered = {known_name.lower(): known_name for known_name in sorted(known, reverse=True)}
    near = difflib.get_close_matches(name.lower(), lowered, n=1)
    return lowered[near[0]] if near else None


def require(library: str, *, extra: str, purpose: str) -> None:
    """Refuses what cannot be done without a library, before it is begun. Such libraries come with
    extras of the package, so that evaluation installs without them.

    Args:
        library: name of its module.
        extra: name of the extra that installs it.
        purpose: subject of the message, in the plural: the things that need it.

    Raises:
        MissingExtraError: it is not installed.
    """
    if find_spec(library) is None:
        raise MissingExtraError(
            f"{purpose} need {library}, which is not installed: pip install 'vsebench[{extra}]'"
        )
