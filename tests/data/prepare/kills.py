"""Kills preparations at every step and lets the same command go on; run by test_resume in a process
of its own, which may fork.

python kills.py INPUT REFERENCE WORK
"""

from __future__ import annotations

import itertools
import os
import resource
import shutil
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from vsebench.data.prepare import feature_writer
from vsebench.data.prepare.feature_writer import LOCK
from vsebench.data.prepare.gather import Request
from vsebench.data.prepare.prepare import prepare
from vsebench.plugin import WriteError

if TYPE_CHECKING:
    from collections.abc import Callable

origin, reference, work = map(Path, sys.argv[1:])
# It guards against a crash of the machine, not of the process, and takes most of the time
os.fsync = lambda _file: None
feature_writer.BLOCK = 2
feature_writer.NOTE_BYTES = 150  # a note every other block


def run(target: Path) -> None:
    prepare(Request("flickr30k", origin, target), lambda _what, _done, _total: None)


def in_child(action: Callable[[], None]) -> int:
    """What `os.waitpid` says of a child that did this."""
    child = os.fork()
    if child == 0:
        action()
        os._exit(0)
    return os.waitpid(child, 0)[1]


def dying(owner: type, name: str, after: int) -> None:
    """Replaces a method by one that kills its process when called once more than `after` times."""
    method, calls = getattr(owner, name), itertools.count()

    def wrapped(*arguments: object) -> object:
        if next(calls) == after:
            os.kill(os.getpid(), signal.SIGKILL)
        return method(*arguments)

    setattr(owner, name, wrapped)


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def killed(method: tuple[type, str], after: int, target: Path) -> bool:
    """Whether a run was killed at that call; then it has left nothing but whole files, and the same
    command ends with the same bytes.
    """

    def action() -> None:
        dying(*method, after)
        run(target)

    status = in_child(action)
    if status == 0:
        return False
    assert os.WTERMSIG(status) == signal.SIGKILL
    left = content(target)
    left.pop(LOCK, None)  # which nobody holds now
    assert left.items() <= expected.items()
    assert in_child(lambda: run(target)) == 0
    assert content(target) == expected, (method, after)
    assert not (target / ".unfinished").exists()
    shutil.rmtree(target)
    return True


def full_disk() -> None:
    """No file may grow beyond 200 bytes; exits with 7 when that is said as it should be."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (200, resource.RLIM_INFINITY))
    try:
        run(work / "full")
    except WriteError as error:
        message = str(error)
        os._exit(
            7
            if "cannot write" in message and "the same command" in message and "\n" not in message
            else 8
        )


run(reference)
expected = content(reference)


class Blocks:
    """The module's `_block` where `dying` can replace it."""

    make = staticmethod(feature_writer._block)


def _block(*arguments: object) -> object:
    return Blocks.make(*arguments)


feature_writer._block = _block
renames = next(
    n for n in itertools.count(step=3) if not killed((Path, "replace"), n, work / "renames")
)
blocks = next(n for n in itertools.count() if not killed((Blocks, "make"), n, work / "blocks"))
assert os.waitstatus_to_exitcode(in_child(full_disk)) == 7
assert content(work / "full") == {}
run(work / "full")
assert content(work / "full") == expected
print(renames, blocks)
