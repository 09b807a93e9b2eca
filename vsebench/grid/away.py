"""A run that is executed where its folder cannot be seen, as `vsebench.plugin.elsewhere` says: both
sides of it.
"""

from __future__ import annotations

import fcntl
import re
import shutil
import tempfile
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from vsebench import files
from vsebench.plugin.elsewhere import Parcel
from vsebench.results.folder.directory import RunDirectory
from vsebench.results.folder.lease import Lease
from vsebench.results.folder.store import Store
from vsebench.results.reader import DONE, RECORD, SPEC
from vsebench.results.spec import read_spec

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from vsebench.plugin.elsewhere import Files
    from vsebench.plugin.jobs import Job

CHECKPOINT, LOG = "checkpoint.pt", "run.log"
ENDS = (RECORD, DONE)
"""What a run that has ended leaves."""

_ORDER = (CHECKPOINT, *ENDS)
"""Written after everything else, in this order: neither a checkpoint nor the end of a run may be
there before what belongs to it.
"""

_PREFIX, _NEW = "vsebench-away-", ".vsebench-away-"
_LOCK = ".lock"
_PASSING = re.compile(r"lease-\d+\.json|\..*")


def send_away(job: Job) -> Sender | None:
    """As `vsebench.plugin.send_away`."""
    lease = Lease.claim(job.directory)
    return None if lease is None else Sender(job, lease)


class Sender:
    """As `vsebench.plugin.Away`."""

    def __init__(self, job: Job, lease: Lease) -> None:
        self._folder, self._lease, self._held = job.directory, lease, ExitStack()
        self._held.enter_context(lease.hold())
        self._job, self._spec = job, read_spec(job.spec)
        RunDirectory(self._folder).write_spec(self._spec)

    @property
    def taken_over(self) -> bool:
        self._lease.heartbeat()
        return self._lease.lost

    def parcel(self) -> Parcel:
        found = _content(self._folder, but=(SPEC, *ENDS))
        for run_id in self._job.depends_on:
            needed = Store(self._folder.parent).find_model(run_id)
            if needed is not None:
                found |= _content(needed.path, but=(CHECKPOINT, LOG))
        plugins = map(Path, self._spec.environment.plugin_files)
        return Parcel(self._job, found, tuple((path.name, path.read_bytes()) for path in plugins))

    def receive(self, received: Files) -> None:
        for name in sorted(received, key=_turn):
            if self.taken_over:
                return
            content, path = received[name], self._folder / name
            with files.guarded(path):
                if content is None:
                    path.unlink(missing_ok=True)
                else:
                    path.parent.mkdir(parents=True, exist_ok=True)
                    files.write_bytes(path, content)

    def release(self) -> None:
        self._held.close()


class Receiver:
    """As `vsebench.plugin.Unpacked`."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self._known = _states(job.directory)

    def changed(self, *, ended: bool = False) -> Files:
        now = {
            name: state
            for name, state in _states(self.job.directory).items()
            if name != SPEC and (ended or name not in ENDS)
        }
        # a checkpoint is read first, so that what belongs to it is as new at least
        new = sorted(
            (name for name, state in now.items() if self._known.get(name) != state),
            key=lambda name: name != CHECKPOINT,
        )
        found: Files = {name: _read(self.job.directory / name) for name in new}
        found |= {name: None for name in self._known if name not in now and name != SPEC}
        self._known = now
        return found


@contextmanager
def unpacked(parcel: Parcel) -> Iterator[Receiver]:
    """As `vsebench.plugin.unpacked`."""
    with _folder() as folder:
        for name, content in parcel.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        directory = folder / parcel.job.directory.name
        directory.mkdir(exist_ok=True)
        spec = read_spec(parcel.job.spec)
        plugins = []
        for number, (name, content) in enumerate(parcel.plugins):
            path = folder / f".plugin-{number}" / name
            path.parent.mkdir()
            path.write_bytes(content)
            plugins.append(str(path))
        there = spec.environment.model_copy(update={"plugin_files": tuple(plugins)})
        text = spec.model_copy(update={"environment": there}).model_dump_json()
        yield Receiver(replace(parcel.job, directory=directory, spec=text))


@contextmanager
def _folder() -> Iterator[Path]:
    """A temporary folder; those that killed processes left are removed first."""
    root = Path(tempfile.gettempdir())
    for old in root.glob(f"{_PREFIX}*"):
        with suppress(OSError), (old / _LOCK).open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(old, ignore_errors=True)
    made = Path(tempfile.mkdtemp(prefix=_NEW))
    with (made / _LOCK).open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        # it has this name once it is locked
        folder = made.rename(made.with_name(made.name.replace(_NEW, _PREFIX, 1)))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _states(folder: Path) -> dict[str, tuple[int, int, int]]:
    """What tells one version of each file from the next, by name."""
    found = {}
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):  # replaced in between
            if path.is_file() and not _PASSING.fullmatch(path.name):
                stat = path.stat()
                state = stat.st_ino, stat.st_mtime_ns, stat.st_size
                found[path.relative_to(folder).as_posix()] = state
    return found


def _content(folder: Path, *, but: Collection[str]) -> dict[str, bytes]:
    """The files of a run by path below the folder of runs."""
    return {
        f"{folder.name}/{name}": (folder / name).read_bytes()
        for name in _states(folder)
        if name not in but
    }


def _read(path: Path) -> bytes | None:
    with suppress(FileNotFoundError):
        return path.read_bytes()
    return None


def _turn(name: str) -> int:
    return _ORDER.index(name) if name in _ORDER else -1
