"""The folder of results: one directory per run, found by run id, readable while other processes
work in it.

A run's directory holds `spec.json`, `curve.jsonl` (one dev evaluation a line), `checkpoint.pt`,
`best.safetensors`, `offline.npz` (mined negatives), `ranks.npz` (test ranks of every query),
`run.log`, `record.json` and, last of all, the empty marker `done`. `plan.json` beside the
directories notes what commands asked for.
"""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import TYPE_CHECKING

from vsebench import files
from vsebench.plugin.errors import VsebenchError
from vsebench.results.directory import RunDirectory
from vsebench.results.lease import Lease
from vsebench.results.noted import Noted

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from vsebench.results.record import RunRecord
    from vsebench.results.spec import AnnotationSpec, RunSpec

__all__ = ("RunDirectory", "Store", "directory_name")

_ID_DIGITS = 10
_SLUG_LENGTH = 120
_TURN_SECONDS = 0.02


class Store:
    """Every run under one output folder.

    Attributes:
        out: the folder.
    """

    def __init__(self, out: Path) -> None:
        self.out = Path(out)

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

    def directory_for(self, spec: RunSpec | AnnotationSpec) -> RunDirectory:
        """The directory of a run: the one it has, else the one to make (which this does not)."""
        return self.find(spec.run_id) or RunDirectory(self.out / directory_name(spec))

    def find(self, run_id: str) -> RunDirectory | None:
        """The directory of the run with that id, if it has one."""
        for path in sorted(self.out.glob(f"*-{run_id[:_ID_DIGITS]}")):
            if path.is_dir():
                return RunDirectory(path)
        return None

    def directories(self) -> list[RunDirectory]:
        """Directories that hold a run, by name."""
        found = (
            (RunDirectory(path) for path in sorted(self.out.iterdir()) if path.is_dir())
            if self.out.is_dir()
            else ()
        )
        return [directory for directory in found if directory.holds_run]

    def records(self) -> list[RunRecord]:
        """Records of the runs that ended, in the order of their directories' names.

        Raises:
            VsebenchError: a record is damaged, or was written by a newer version.
        """
        return [
            record
            for directory in self.directories()
            if (record := directory.read_record()) is not None
        ]

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
        noted = self.noted()
        if noted.after(wanted, support) == noted:
            return
        while (turn := Lease.claim(self.out / ".plan")) is None:
            time.sleep(_TURN_SECONDS)
        try:
            files.write_text(self._plan, self.noted().after(wanted, support).text())
        finally:
            turn.release()

    def noted(self) -> Noted:
        """What commands asked for, as far as `note_plan` was told.

        Raises:
            VsebenchError: the file is damaged.
        """
        if not self._plan.exists():
            return Noted()
        try:
            return Noted.parse(self._plan.read_text(encoding="utf-8"))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise VsebenchError(
                f"{self._plan} is damaged: delete it, it only keeps the order of the rows and "
                "which runs serve others only"
            ) from error

    @property
    def _plan(self) -> Path:
        return self.out / "plan.json"


def directory_name(spec: RunSpec | AnnotationSpec) -> str:
    """Readable, safe on any file system and unique: `flickr8k-gpo-triplet-seed0-1f0c22aa90`."""
    parts = (spec.dataset.spec, *spec.combination, f"seed{spec.seed}")
    slug = re.sub(r"[^A-Za-z0-9._]+", "-", "-".join(parts)).strip("-.")
    return f"{slug[:_SLUG_LENGTH]}-{spec.run_id[:_ID_DIGITS]}"
