"""Strings of variable length in HDF5 files. In damaged ones the library may read without end, or
ask for all memory there is, so a process of its own reads them, within limits.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

from vsebench.plugin import DataError

if TYPE_CHECKING:
    from pathlib import Path

CPU_SECONDS = 60
"""Ten million strings take a tenth of it."""

_MOST_BYTES = 1 << 32


def read_strings(path: Path, name: str) -> list[str]:
    """The strings of a dataset, in the order of its values.

    Args:
        path: the file.
        name: name of the dataset, whose strings have a variable length.

    Raises:
        DataError: they cannot be read, or not within the limits.
    """
    done = subprocess.run(
        [sys.executable, "-P", "-m", __name__, path, name, str(CPU_SECONDS)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={
            **os.environ,
            "OPENBLAS_NUM_THREADS": "1",  # whose threads would take up memory
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        },
        check=False,
    )
    if done.returncode:
        raise DataError(
            f"{path}: the strings of variable length in {name} cannot be read within {CPU_SECONDS} "
            f"CPU seconds and {_MOST_BYTES >> 30} GiB, as it is damaged: get it again, or write "
            "them with a fixed length, NumPy's type S"
        )
    strings: list[str] = json.loads(done.stdout)
    return strings


def main(path: str, name: str, seconds: str) -> None:
    """Prints the strings as JSON; the process ends with another code where that cannot be."""
    import resource

    import h5py

    for limit, most in (
        (resource.RLIMIT_CPU, int(seconds)),
        (resource.RLIMIT_AS, _MOST_BYTES),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(limit, (most, most))
    with h5py.File(path, "r") as file:
        values = file[name][()].reshape(-1).tolist()
    json.dump([value.decode() for value in values], sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
