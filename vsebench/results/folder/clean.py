"""What finished runs can do without: checkpoints, weights, and what was set aside or left behind.
Records, curves, ranks, specs and logs are never among it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from vsebench.files import guarded, is_leftover
from vsebench.results.folder.directory import DAMAGED, RunDirectory
from vsebench.results.folder.lease import Lease, is_held
from vsebench.results.folder.store import Store
from vsebench.results.reader import BEST, VOCABULARY

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from pathlib import Path

Keep = Literal["best", "none"]
"""What stays of a finished run's model: its best weights, or nothing."""

_MODEL = (BEST, VOCABULARY)
_TRAINING = ("checkpoint.pt", "offline.npz")


class Spare(NamedTuple):
    """A file that can go.

    Attributes:
        path: the file.
        bytes: what it holds.
    """

    path: Path
    bytes: int


def spare_files(folder: Path, keep: Keep = "best") -> list[Spare]:
    """What can go of the runs of a folder; nothing of runs that somebody works on, no checkpoint
    of a run that can be resumed, and no weights that an unfinished run of the folder needs.

    Args:
        folder: the folder.
        keep: what stays of the model of a finished run.

    Raises:
        VsebenchError: a spec is damaged.
    """
    runs = [run for run in Store(folder).runs() if isinstance(run, RunDirectory)]
    needed = {run_id for run in runs if not run.is_done for run_id in run.read_spec().depends_on}
    found = []
    for run in runs:
        if not is_held(run.path):
            found += spare_of(run, keep, needed)
    return found


def spare_of(run: RunDirectory, keep: Keep, needed: Collection[str] = ()) -> list[Spare]:
    """What can go of one run.

    Args:
        run: its directory.
        keep: what stays of its model, if it is done.
        needed: ids of runs whose model stays in any case.
    """
    names = {*_TRAINING} if run.is_done else set[str]()
    if run.is_done and keep == "none" and run.read_spec().run_id not in needed:
        names |= {*_MODEL}
    return [
        Spare(path, path.lstat().st_size)
        for path in sorted(run.path.iterdir())
        if path.is_file()
        and (path.name in names or path.name.endswith(DAMAGED) or is_leftover(path.name))
    ]


def remove(spare: Iterable[Spare]) -> int:
    """Deletes files of runs, each under its run's lease; those of a run that somebody has begun to
    work on stay.

    Returns:
        Bytes that were freed.

    Raises:
        VsebenchError: the folder cannot be written.
    """
    freed = 0
    for directory, files in _by_run(spare):
        lease = Lease.claim(directory)
        if lease is None:
            continue
        try:
            with guarded(directory):
                for file in files:
                    file.path.unlink(missing_ok=True)
                    freed += file.bytes
        finally:
            lease.release()
    return freed


def _by_run(spare: Iterable[Spare]) -> Iterator[tuple[Path, list[Spare]]]:
    found: dict[Path, list[Spare]] = {}
    for file in spare:
        found.setdefault(file.path.parent, []).append(file)
    yield from found.items()
