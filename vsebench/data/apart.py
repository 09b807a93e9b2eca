"""Arrays of MATLAB files and strings of HDF5 files. Damaged ones crash the libraries that read
them, or keep them busy without end, so a process of its own does it, within limits.
"""

from __future__ import annotations

import io
import json
import os
import resource
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np

from vsebench.data.reading import npy_bytes
from vsebench.files import open_regular
from vsebench.plugin import DataError
from vsebench.text import readable

if TYPE_CHECKING:
    from pathlib import Path

CPU_SECONDS = 60
"""Ten million strings take a tenth of it."""

MOST_BYTES = 1 << 32
"""What the process may have of address space."""

_LIMITS = f"within {{}} CPU seconds and {MOST_BYTES >> 30} GiB"
_ABSENT = 3


def read_matlab(path: Path, variable: str) -> np.ndarray | None:
    """An array of a MATLAB file before version 7.3; None if it has no variable of that name.

    Raises:
        DataError: it cannot be read, or not within the limits.
    """
    with readable(path):
        open_regular(path).close()
    done = _read_apart("matlab", path, variable)
    if done.returncode == _ABSENT:
        return None
    if done.returncode:
        raise DataError(
            f"{path} is not a MATLAB file that SciPy can read (before version 7.3) "
            f"{_LIMITS.format(CPU_SECONDS)}: get it again"
        )
    return np.asarray(np.load(io.BytesIO(done.stdout), allow_pickle=False))


def read_hdf5_strings(path: Path, name: str) -> list[str]:
    """The strings of variable length in a dataset of an HDF5 file, in the order of its values.

    Raises:
        DataError: they cannot be read, or not within the limits.
    """
    done = _read_apart("hdf5", path, name)
    if done.returncode:
        raise DataError(
            f"{path}: the strings of variable length in {name} cannot be read "
            f"{_LIMITS.format(CPU_SECONDS)}, as it is damaged: get it again, or write them with a "
            "fixed length, NumPy's type S"
        )
    strings: list[str] = json.loads(done.stdout)
    return strings


def _read_apart(kind: str, path: Path, name: str) -> subprocess.CompletedProcess[bytes]:
    """What `main` prints in another process, and the code with which it ends."""
    return subprocess.run(
        [sys.executable, "-P", "-m", __name__, kind, str(path), name, str(CPU_SECONDS)],
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


def main(kind: str, path: str, name: str, seconds: str) -> None:
    """Prints an array as `.npy`, or strings as JSON, within limits of CPU seconds and memory and
    without a core file; the process ends with another code than 0 where that cannot be.
    """
    if kind == "matlab":
        from scipy.io import loadmat
    else:
        import h5py
    for limit, most in (
        (resource.RLIMIT_CPU, int(seconds)),
        (resource.RLIMIT_AS, MOST_BYTES),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(limit, (most, most))
    if kind == "matlab":
        array = loadmat(path, variable_names=[name]).get(name)
        if array is None:
            raise SystemExit(_ABSENT)
        sys.stdout.buffer.write(npy_bytes(array))
        return
    with h5py.File(path, "r") as file:
        values = file[name][()].reshape(-1).tolist()
    json.dump([value.decode() for value in values], sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
