"""Fills a small disk, and writes to it when it is read-only; prints what is said, and what is there
then.

python small_disk.py FOLDER
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from vsebench import files

if TYPE_CHECKING:
    from collections.abc import Callable

DISK = Path(sys.argv[1])
OLD, LARGE = bytes(20_000), bytes(100_000)


def refused(write: Callable[[], None]) -> None:
    try:
        write()
    except files.WriteError as error:
        print(error)
    else:
        print("written")


def fill() -> None:
    with files.appearing(DISK / "set") as unfinished:
        (unfinished / "a").write_bytes(OLD)
        (unfinished / "b").write_bytes(LARGE)


def look() -> None:
    print(*sorted(path.name for path in DISK.iterdir()), (DISK / "file").read_bytes() == OLD)


files.write_bytes(DISK / "file", OLD)
refused(lambda: files.write_bytes(DISK / "file", LARGE))
refused(lambda: files.append_text(DISK / "log", "x" * len(LARGE)))
(DISK / "log").unlink()
refused(fill)
look()
subprocess.run(["mount", "-o", "remount,ro", DISK], check=True)
refused(lambda: files.write_bytes(DISK / "file", b"new"))
refused(fill)
look()
