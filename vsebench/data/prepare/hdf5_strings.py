"""Strings of variable length in HDF5 files. In damaged ones the library may read without end, or
ask for all memory there is, so a process of its own reads them, within limits.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from vsebench.data.apart import MOST_BYTES, limit, read_apart
from vsebench.plugin import DataError

if TYPE_CHECKING:
    from pathlib import Path

CPU_SECONDS = 60
"""Ten million strings take a tenth of it."""


def read_strings(path: Path, name: str) -> list[str]:
    """The strings of a dataset, in the order of its values.

    Args:
        path: the file.
        name: name of the dataset, whose strings have a variable length.

    Raises:
        DataError: they cannot be read, or not within the limits.
    """
    done = read_apart(__name__, path, name, CPU_SECONDS)
    if done.returncode:
        raise DataError(
            f"{path}: the strings of variable length in {name} cannot be read within {CPU_SECONDS} "
            f"CPU seconds and {MOST_BYTES >> 30} GiB, as it is damaged: get it again, or write "
            "them with a fixed length, NumPy's type S"
        )
    strings: list[str] = json.loads(done.stdout)
    return strings


def main(path: str, name: str, seconds: str) -> None:
    """Prints the strings as JSON; the process ends with another code where that cannot be."""
    import h5py

    limit(int(seconds))
    with h5py.File(path, "r") as file:
        values = file[name][()].reshape(-1).tolist()
    json.dump([value.decode() for value in values], sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
