"""Kills writers before every step that they take; run by test_kills in a process of its own, which
may fork. Prints for each writer whether its work was there, kill by kill.

python kills.py FOLDER
"""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from vsebench import files

if TYPE_CHECKING:
    from collections.abc import Callable

STEPS = ("open", "fsync", "replace", "mkdir", "rename", "unlink")
PLACE = Path(sys.argv[1])


def replace() -> None:
    files.write_bytes(PLACE / "file", b"new")


def appear() -> None:
    with files.appearing(PLACE / "folder") as unfinished:
        for name in "ab":
            (unfinished / name).write_bytes(b"new")


Content = dict[str, bytes]
BEFORE: Content = {"file": b"old"}
AFTER: dict[Callable[[], None], Content] = {
    replace: {**BEFORE, "file": b"new"},
    appear: {**BEFORE, "folder/a": b"new", "folder/b": b"new"},
}


def visible() -> Content:
    """What has a name that is not hidden."""
    return {
        str(path.relative_to(PLACE)): path.read_bytes()
        for path in PLACE.rglob("[!.]*")
        if path.is_file() and not path.relative_to(PLACE).parts[0].startswith(".")
    }


def begin() -> None:
    shutil.rmtree(PLACE, ignore_errors=True)
    PLACE.mkdir()
    (PLACE / "file").write_bytes(BEFORE["file"])


def die_before(last: int) -> None:
    """Ends this process before the step of that number."""
    number = itertools.count()

    def dying(step: Callable[..., object]) -> Callable[..., object]:
        def wrapped(*arguments: object, **options: object) -> object:
            if next(number) == last:
                os.kill(os.getpid(), signal.SIGKILL)
            return step(*arguments, **options)

        return wrapped

    for name in STEPS:
        setattr(os, name, dying(getattr(os, name)))


def killed_before(step: int, action: Callable[[], None]) -> bool:
    """Whether it took as many steps."""
    child = os.fork()
    if child == 0:
        die_before(step)
        action()
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    assert status == 0 or os.WTERMSIG(status) == signal.SIGKILL
    return status != 0


files.ABANDONED = -1.0  # what a killed writer left may go at once
for action, after in AFTER.items():
    done = []
    for step in itertools.count():
        begin()
        killed = killed_before(step, action)
        assert visible() in (BEFORE, after), (action, step, visible())
        done.append(visible() == after)
        if not done[-1]:
            action()  # the next one is not held up
        assert visible() == after, (action, step, visible())
        files.sweep(PLACE)
        assert not list(PLACE.glob(".*")), (action, step)
        if not killed:
            break
    print(action.__name__, *map(int, done))
