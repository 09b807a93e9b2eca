"""The folder of results: runs found by id, each in a directory of its own or in the folder's pack,
readable while other processes work there.

A run's directory holds `spec.json`, `curve.jsonl` (one dev evaluation a line), `checkpoint.pt`,
`best.safetensors`, `vocabulary.txt` (the words it knows), `offline.npz` (mined negatives),
`ranks.npz` (test ranks of every query), `run.log`, `record.json` and, last of all, the marker
`done`. `plan.json` beside the directories notes what commands asked for.
"""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import TYPE_CHECKING

from vsebench import files
from vsebench.plugin.errors import MissingError, VsebenchError
from vsebench.results.folder.directory import RunDirectory
from vsebench.results.folder.lease import Lease
from vsebench.results.folder.listing import ID_DIGITS, Listing
from vsebench.results.folder.noted import PLAN, Noted
from vsebench.results.packs.format import RUNS
from vsebench.results.packs.pack import Pack, PackedRun
from vsebench.results.reader import RECORD

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from vsebench.results.reader import RunReader
    from vsebench.results.record import RunRecord
    from vsebench.results.spec import AnySpec

__all__ = ("RunDirectory", "Store", "check_folder", "directory_name", "is_own")

_SLUG_LENGTH = 120
_TURN_SECONDS = 0.02


class Store:
    """Every run under one output folder.

    The folder is listed once, and again when a run is looked for by an id that was not among the
    names: so runs of other processes are found, and looking one up costs the same in a folder of
    any size.

    Attributes:
        out: the folder.
    """

    def __init__(self, out: Path) -> None:
        self.out = Path(out)
        self._read: tuple[tuple[int, ...], Pack] | None = None
        self._listed: Listing | None = None

    def prepare(self) -> None:
        """Makes the folder.

        Raises:
            VsebenchError: it cannot be made or written.
        """
        with files.guarded(self.out):
            self.out.mkdir(parents=True, exist_ok=True)
            probe = self.out / ".writable"
            files.write_bytes(probe, b"")
            probe.unlink(missing_ok=True)

    def directory_for(self, spec: AnySpec) -> RunDirectory:
        """The directory that a run is written to: the one it has, else the one to make (which this
        does not).
        """
        own = directory_name(spec)
        if self._listing.names(spec.run_id) in ([], [own]):  # whoever makes it now names it so
            return RunDirectory(self.out / own)
        return self._directory(spec.run_id) or RunDirectory(self.out / own)

    def knows(self, spec: AnySpec) -> bool:
        """Whether a run had been started when the folder was listed; which asks nothing."""
        listing = self._listing
        return bool(listing.names(spec.run_id)) or listing.packed(spec.run_id) is not None

    def reader_for(self, spec: AnySpec, *, model: bool = False) -> RunReader:
        """What there is of a run, in its directory or in the pack; nothing yet, perhaps.

        Args:
            spec: the run.
            model: whether its model is needed, see `find_model`.

        Raises:
            VsebenchError: the pack is damaged.
        """
        directory = self.directory_for(spec)
        packed = self._listing.packed(spec.run_id)
        return directory if packed is None else _chosen(directory, packed, model=model)

    def find(self, run_id: str) -> RunReader | None:
        """The run with that id, if it was started.

        Raises:
            VsebenchError: the pack is damaged.
        """
        return self._find(run_id, model=False)

    def find_model(self, run_id: str) -> RunReader | None:
        """As `find`, for whoever builds on the run's model: a packed run counts only while its
        weights lie in its directory, as packs hold none.

        Raises:
            VsebenchError: the pack is damaged.
        """
        return self._find(run_id, model=True)

    def runs(self) -> list[RunReader]:
        """Every run that was started, by the name of its directory; one that lies unpacked beside
        its pack once.

        Raises:
            VsebenchError: the pack is damaged.
        """
        packed = {run.run_id[:ID_DIGITS]: run for run in self._packed()}
        found: list[RunReader] = []
        for path in self.out.iterdir() if self.out.is_dir() else ():
            directory = RunDirectory(path)
            if path.is_dir() and directory.holds_run:
                twin = packed.pop(path.name.rpartition("-")[2], None)
                found.append(directory if twin is None else _further(directory, twin))
        return sorted([*found, *packed.values()], key=lambda run: run.path.name)

    def named(self, name: str) -> RunReader | None:
        """The run whose directory has that name; None when there is none.

        Raises:
            VsebenchError: the pack is damaged.
        """
        directory = RunDirectory(self.out / name)
        packed = next((run for run in self._packed() if run.path.name == name), None)
        if packed is None:
            return directory if directory.path.is_dir() and directory.holds_run else None
        return _further(directory, packed)

    def records(self) -> list[RunRecord]:
        """Records of the runs that ended, in the order of their directories' names.

        Raises:
            VsebenchError: a record is damaged, or was written by a newer version.
        """
        return [record for run in self.runs() if (record := run.read_record()) is not None]

    def note_plan(self, run_ids: Iterable[str], support: Collection[str] = ()) -> None:
        """Remembers what a command asks for, so that reports list its runs in that order and know
        which are rows.

        Commands that work in one folder take turns.

        Args:
            run_ids: every run of its plan, in order; ids noted before keep their place.
            support: those of them that it needs for others only; a run that some command asked for
                by itself is a row for good.

        Raises:
            VsebenchError: the folder cannot be written, or the file is damaged.
        """
        wanted = list(run_ids)

        def is_noted() -> bool:
            noted = self.noted()
            return noted.after(wanted, support) == noted

        if is_noted():
            return
        while (turn := Lease.claim(self.out / ".plan")) is None:
            time.sleep(_TURN_SECONDS)
            if is_noted():  # by another command with the same plan
                return
        try:
            files.write_text(self._plan, self.noted().after(wanted, support).text())
        finally:
            turn.release()

    def noted(self) -> Noted:
        """What commands asked for, as far as `note_plan` was told, in this folder and where its
        pack was made.

        Raises:
            VsebenchError: the file or the pack is damaged.
        """
        packed = self._pack.noted if self._pack is not None else Noted()
        if not self._plan.exists():
            return packed
        try:
            own = Noted.parse(files.read_bytes(self._plan).decode())
            return own.after(packed.run_ids, packed.support)
        except PermissionError as error:
            raise VsebenchError(f"{self._plan} cannot be read: {error.strerror}") from error
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise VsebenchError(
                f"{self._plan} is damaged: delete it, it only keeps the order of the rows and "
                "which runs serve others only"
            ) from error

    @property
    def _plan(self) -> Path:
        return self.out / PLAN

    @property
    def _listing(self) -> Listing:
        """The folder as it was when somebody last looked at all of it."""
        return self._listed or self._list()

    def _list(self) -> Listing:
        self._listed = Listing(self.out, self._pack)
        return self._listed

    @property
    def _pack(self) -> Pack | None:
        """The folder's pack, read again when it has changed."""
        path = self.out / RUNS
        try:
            stat = path.stat()
        except OSError as error:
            if error.errno not in files.NONE:
                raise
            return None
        state = (stat.st_ino, stat.st_mtime_ns, stat.st_size)
        if self._read is None or self._read[0] != state:
            self._read = (state, Pack(self.out))
        return self._read[1]

    def _packed(self) -> list[PackedRun]:
        return [] if (pack := self._pack) is None else pack.runs

    def _find(self, run_id: str, *, model: bool) -> RunReader | None:
        directory, pack = self._directory(run_id), self._pack
        packed = None if pack is None else pack.by_id.get(run_id)
        if directory is None or packed is None:
            return directory or (packed if packed and _serves(packed, model=model) else None)
        return _chosen(directory, packed, model=model)

    def _directory(self, run_id: str) -> RunDirectory | None:
        """The directory of a run, if it has one."""
        if self._listed is not None and (known := self._first(self._listed, run_id)) is not None:
            return known
        return self._first(self._list(), run_id)

    def _first(self, listing: Listing, run_id: str) -> RunDirectory | None:
        """The first of a run's directories that is still there."""
        paths = (self.out / name for name in listing.names(run_id))
        return next((RunDirectory(path) for path in paths if path.is_dir()), None)


def check_folder(out: Path) -> None:
    """Refuses what is no folder.

    Raises:
        VsebenchError: there is none, or it is a file.
    """
    if out.is_file():
        raise VsebenchError(f"{out} is a file: give the folder that 'vsebench run --out' wrote to")
    if not out.is_dir():
        raise MissingError(
            f"there is no folder {out}: give the folder that 'vsebench run --out' wrote to"
        )


def _chosen(directory: RunDirectory, packed: PackedRun, *, model: bool) -> RunReader:
    """Of what there is of a run in a directory and in the pack, what readers get."""
    found = _further(directory, packed)
    return found if found is directory or _serves(packed, model=model) else directory


def _serves(packed: PackedRun, *, model: bool) -> bool:
    """Whether a packed run will do: packs hold no weights."""
    return not model or packed.best_path.is_file()


def _further(directory: RunDirectory, packed: PackedRun) -> RunReader:
    """Of a run that lies in a directory and in the pack, the one that got further: the directory
    where both did.
    """

    def progress(run: RunReader) -> tuple[bool, bool]:
        return run.is_done, run.holds(RECORD)

    return directory if progress(directory) >= progress(packed) else packed


def is_own(name: str, run_id: str) -> bool:
    """Whether a directory has a name that the run was given, and not that of a copy."""
    return name.endswith(f"-{run_id[:ID_DIGITS]}")


def directory_name(spec: AnySpec) -> str:
    """Readable, safe on any file system and unique: `flickr8k-gpo-triplet-seed0-1f0c22aa90`."""
    parts = (spec.dataset.spec, *spec.combination, f"seed{spec.seed}")
    slug = re.sub(r"[^A-Za-z0-9._]+", "-", "-".join(parts)).strip("-.")
    return f"{slug[:_SLUG_LENGTH]}-{spec.run_id[:ID_DIGITS]}"
