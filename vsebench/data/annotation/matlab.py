"""Arrays in MATLAB files. Damaged ones may crash SciPy's reader, so a process of its own reads
them, within limits.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np

from vsebench.plugin import DataError

if TYPE_CHECKING:
    from pathlib import Path

CPU_SECONDS = 60
_MOST_BYTES = 1 << 32
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
    done = subprocess.run(
        [sys.executable, "-P", "-m", __name__, path, variable, str(CPU_SECONDS)],
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
    if done.returncode == _ABSENT:
        return None
    if done.returncode:
        raise DataError(
            f"{path} is not a MATLAB file that SciPy can read (before version 7.3) within "
            f"{CPU_SECONDS} CPU seconds and {_MOST_BYTES >> 30} GiB: get it again"
        )
    return np.asarray(np.load(io.BytesIO(done.stdout), allow_pickle=False))


def main(path: str, variable: str, seconds: str) -> None:
    """Prints the array as `.npy`; the process ends with another code where that cannot be."""
    import resource

    from scipy.io import loadmat

    for limit, most in (
        (resource.RLIMIT_CPU, int(seconds)),
        (resource.RLIMIT_AS, _MOST_BYTES),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(limit, (most, most))
    array = loadmat(path, variable_names=[variable]).get(variable)
    if array is None:
        raise SystemExit(_ABSENT)
    written = io.BytesIO()
    np.save(written, array, allow_pickle=False)
    sys.stdout.buffer.write(written.getbuffer())


if __name__ == "__main__":
    main(*sys.argv[1:])
