"""Arrays in MATLAB files. Damaged ones may crash SciPy's reader, so a process of its own reads
them, within limits.
"""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING

import numpy as np

from vsebench.data.apart import MOST_BYTES, limit, read_apart
from vsebench.plugin import DataError

if TYPE_CHECKING:
    from pathlib import Path

CPU_SECONDS = 60
_ABSENT = 3


def read_array(path: Path, variable: str) -> np.ndarray | None:
    """An array of a file before MATLAB 7.3; None if the file has no variable of that name.

    Args:
        path: the file.
        variable: name of the array.

    Raises:
        DataError: it cannot be read, or not within the limits.
    """
    try:
        path.open("rb").close()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from error
    done = read_apart(__name__, path, variable, CPU_SECONDS)
    if done.returncode == _ABSENT:
        return None
    if done.returncode:
        raise DataError(
            f"{path} is not a MATLAB file that SciPy can read (before version 7.3) within "
            f"{CPU_SECONDS} CPU seconds and {MOST_BYTES >> 30} GiB: get it again"
        )
    return np.asarray(np.load(io.BytesIO(done.stdout), allow_pickle=False))


def main(path: str, variable: str, seconds: str) -> None:
    """Prints the array as `.npy`; the process ends with another code where that cannot be."""
    from scipy.io import loadmat

    limit(int(seconds))
    array = loadmat(path, variable_names=[variable]).get(variable)
    if array is None:
        raise SystemExit(_ABSENT)
    written = io.BytesIO()
    np.save(written, array, allow_pickle=False)
    sys.stdout.buffer.write(written.getbuffer())


if __name__ == "__main__":
    main(*sys.argv[1:])
