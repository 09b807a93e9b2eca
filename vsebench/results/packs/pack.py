"""The runs of a pack, read as those of a folder are, and unpacked to a folder, to the byte."""

from __future__ import annotations

import zipfile
import zlib
from contextlib import contextmanager
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json

from vsebench import files
from vsebench.plugin.errors import VsebenchError
from vsebench.results.checks.contents import npz_bytes
from vsebench.results.folder.noted import PLAN, Noted
from vsebench.results.folder.seal import digest
from vsebench.results.packs.format import (
    ARRAYS,
    NAMES,
    NPZ,
    ROW,
    RUNS,
    VERSION,
    ExternalLine,
    Line,
    Opening,
    arrays_checksum,
    file_bytes,
    line_of,
    read_line,
)
from vsebench.results.reader import CURVE, RECORD, DamagedError, RunReader
from vsebench.results.record import Evaluation
from vsebench.unpacked import Arrays, TooLargeError, gunzipped_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from vsebench.results.folder.seal import Sums
    from vsebench.results.packs.tables import Place
    from vsebench.results.record import RunRecord

_CURVE = TypeAdapter(list[Evaluation])
_TABLES = 16
"""How many are kept, of 1 MiB at most as they are packed."""
_REMEDY = "take it again from where it came, or pack the runs again"


class Pack:
    """The packed runs of a folder.

    Attributes:
        folder: where the two files lie.
        plan: the folder's `plan.json`; None where it had none.
        noted: what that says.
        external: its external rows.
    """

    def __init__(self, folder: Path) -> None:
        """Reads the opening of a folder's pack; the runs are read when they are asked for.

        Raises:
            VsebenchError: it is damaged, or was written by a newer version.
        """
        self.folder = folder
        with self._read():
            self._opened = self._opening(next(gunzipped_lines(files.read_bytes(self.path)), b""))
        self.external = [PackedRun(self, line, (self, line)) for line in self._opened.external]
        plan = self._opened.files.get(PLAN)
        self.plan = None if plan is None else file_bytes(plan)
        try:
            self.noted = Noted() if self.plan is None else Noted.parse(self.plan.decode())
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise self.damaged(f"no plan: {error}") from error

    @classmethod
    def of(cls, folder: Path) -> Pack | None:
        """The pack of a folder; None when it has none.

        Raises:
            VsebenchError: it is damaged, or was written by a newer version.
        """
        return cls(folder) if (folder / RUNS).is_file() else None

    @property
    def path(self) -> Path:
        """Its file of records."""
        return self.folder / RUNS

    @cached_property
    def lines(self) -> list[Line]:
        """The runs, in the order of the file.

        Raises:
            VsebenchError: the pack is damaged.
        """
        with self._read():
            text = gunzipped_lines(files.read_bytes(self.path))
            next(text, None)
            lines = [read_line(line) for line in text if line.endswith(b"\n")]
        if len(lines) != self._opened.runs:
            raise self.damaged(f"{len(lines)} of {self._opened.runs} runs")
        return lines

    @cached_property
    def runs(self) -> list[PackedRun]:
        """What it holds, and what it names of other packs.

        Raises:
            VsebenchError: another pack does not hold what this one names.
        """
        keepers = {
            place: self if place is None else Pack.of(self._beside(place))
            for place in {line.held_in for line in self.lines}
        }
        held = [self._held(line, keepers[line.held_in]) for line in self.lines]
        return [PackedRun(self, *each) for each in zip(self.lines, held, strict=True)]

    @cached_property
    def by_id(self) -> dict[str, PackedRun]:
        """The runs by id.

        Raises:
            VsebenchError: the pack is damaged, or another one does not hold what it names.
        """
        return {run.run_id: run for run in reversed(self.runs)}

    @cached_property
    def arrays(self) -> Arrays:
        """Arrays by run, file and name.

        Raises:
            VsebenchError: they unpack to too much.
            OSError, ValueError, NotImplementedError, zipfile.BadZipFile: missing or damaged.
        """
        path = self.folder / ARRAYS
        try:
            return Arrays(files.read_bytes(path))
        except TooLargeError as error:
            raise VsebenchError(f"{path}: {error}") from error

    def array(self, place: Place) -> NDArray[Any]:
        """The array at a place, which cannot be written to.

        Raises:
            IndexError: there is no such row.
            VsebenchError, OSError, ValueError, NotImplementedError, zipfile.BadZipFile, zlib.error:
                as `arrays`, and of a table that is damaged or not there.
        """
        name, row = place
        table = self._table(name)
        return table if row is None else table[row, ...]

    @cached_property
    def _table(self) -> Callable[[str], NDArray[Any]]:
        """Reads tables, each once as long as runs that follow each other have their rows in few."""
        return lru_cache(_TABLES)(self.arrays.read)

    def damaged(self, why: str) -> VsebenchError:
        """The one line about a pack that is not what was written."""
        return VsebenchError(f"{self.path} is damaged ({' '.join(why.split())}): {_REMEDY}")

    @contextmanager
    def _read(self) -> Iterator[None]:
        """Names the pack in what is wrong with it."""
        try:
            yield
        except TooLargeError as error:
            raise VsebenchError(f"{self.path}: {error}") from error
        except PermissionError:
            raise VsebenchError(f"{self.path} may not be read: fix its permissions") from None
        except ValidationError as error:
            raise self.damaged(error.errors(include_url=False)[0]["msg"]) from error
        except (OSError, EOFError, ValueError, zlib.error) as error:
            raise self.damaged(str(error)) from error

    def _opening(self, text: bytes) -> Opening:
        content = from_json(text)
        version = content.get("vsebench_pack") if isinstance(content, dict) else None
        if isinstance(version, int) and version > VERSION:
            raise VsebenchError(
                f"{self.path} was written by a newer vsebench (pack version {version}, this one "
                f"reads up to {VERSION}): upgrade vsebench"
            )
        rows = content.get("external") if isinstance(content, dict) else None
        if isinstance(rows, list):
            content = {**content, "external": [line_of(row, ExternalLine) for row in rows]}
        return Opening.model_validate(content)

    def _held(self, line: Line, keeper: Pack | None) -> tuple[Pack, Line]:
        """Where the content of a line is: in this pack or in the one that it names."""
        if keeper is self:
            return self, line
        for other in keeper.lines if keeper is not None else ():
            if (other.run, other.held_in, other.sha256) == (line.run, None, line.sha256):
                assert keeper is not None
                return keeper, other
        other_path = self._beside(str(line.held_in)) / RUNS
        raise VsebenchError(
            f"{self.path} names run {line.run} of {other_path}, which does not hold it: keep "
            "both folders side by side, from one commit"
        )

    def _beside(self, place: str) -> Path:
        """Another folder, by its place relative to this one."""
        return (self.folder / place).resolve()


def unpack(folder: Path, target: Path | None = None) -> int:
    """Writes the runs of a folder's pack, its external rows and the folder's plan as they were
    packed. Files that are there already are left alone.

    Args:
        folder: holds the pack.
        target: receives a folder per run; `folder` itself by default.

    Returns:
        Number of runs.

    Raises:
        VsebenchError: there is no pack, it is damaged, a file of another content is in the way, or
            a file cannot be written.
    """
    target = target or folder
    packed = Pack.of(folder)
    if packed is None:
        raise VsebenchError(f"{folder} has no {RUNS}: give the folder of a pack")
    missing: dict[Path, bytes] = {}
    for run in (*packed.runs, *packed.external):
        for name in (*NAMES, ROW):
            if run.holds(name):
                path = target / run.path.relative_to(folder) / name
                content = run.read_bytes(name)
                if not path.exists():
                    missing[path] = content
                elif path.read_bytes() != content:
                    raise VsebenchError(
                        f"{path} is not what the pack holds of it: unpack into another folder "
                        "with --out"
                    )
    for path, content in missing.items():
        with files.guarded(path.parent):
            path.parent.mkdir(parents=True, exist_ok=True)
        files.write_bytes(path, content)
    if packed.plan is not None and not (target / PLAN).exists():
        files.write_bytes(target / PLAN, packed.plan)
    return len(packed.runs)


class PackedRun(RunReader):
    """A run in a pack, or an external row, which is held alike. What packs leave out is looked for
    in the run's folder.

    Attributes:
        run_id: id of the run.
        sha256: checksum by name of every packed file.
    """

    def __init__(self, pack: Pack, line: Line, held: tuple[Pack, Line]) -> None:
        super().__init__(pack.folder / line.run)
        self.run_id, self.sha256 = line.run_id, line.sha256
        self._pack, self._line = held

    @property
    def keeper(self) -> Path:
        """Folder of the pack that holds the content."""
        return self._pack.folder

    def holds(self, name: str) -> bool:
        return name in self.sha256 or (name not in NAMES and (self.path / name).is_file())

    def read_bytes(self, name: str) -> bytes:
        if name not in self.sha256:
            return (self.path / name).read_bytes()
        if name in self._line.arrays:
            return npz_bytes(self._arrays(name))
        if name not in self._line.files:
            raise self.damaged(name, ValueError("the pack lacks its content"))
        try:
            content = file_bytes(from_json(self._line.files[name]))
        except ValueError as error:
            raise self.damaged(name, error) from error
        self._check(name, digest(content))
        return content

    def read_json(self, name: str) -> bytes:
        text = self._whole(name)
        return super().read_json(name) if text is None else text

    def _evaluations(self) -> list[Evaluation]:
        text = self._whole(CURVE)
        return super()._evaluations() if text is None else _CURVE.validate_json(text)

    def _whole(self, name: str) -> bytes | None:
        """The JSON of a file, where its line is as it was written and the run's marker knows the
        file; None where the file's own bytes must tell, or are no JSON.
        """
        text = None if self._line.text is None else self._line.files.get(name)
        if text is None or text.startswith(b'"') or name not in self.sums:
            return None
        self.check_sum(name, self.sha256.get(name, ""))
        return text

    def read_npz(self, name: str) -> dict[str, NDArray[Any]]:
        return self._arrays(name) if name in self._line.arrays else super().read_npz(name)

    @cached_property
    def sums(self) -> Sums:
        return super().sums

    def read_record(self) -> RunRecord | None:
        return self._record

    @cached_property
    def _record(self) -> RunRecord | None:
        """Read once: what a pack holds stays as it was read."""
        record = super().read_record()
        if record is not None and record.run_id != self.run_id:
            raise self.damaged(RECORD, ValueError(f"it is of run {record.run_id}"))
        return record

    def digest(self, name: str, content: bytes) -> str:
        return self.sha256[name] if name in self.sha256 else super().digest(name, content)

    def where(self, name: str) -> str:
        place = self._pack.folder / (ARRAYS if name in NPZ else RUNS)
        return f"{place}: {name} of run {self._line.run}"

    def damage(self, *, model: bool) -> dict[str, str]:
        """Of its weights; whatever a pack holds is checked when it is read."""
        try:
            if model:
                self.check_best()
        except DamagedError as error:
            return {error.name: error.why}
        return {}

    def changed(self) -> dict[str, str]:
        found = {}
        for name in self.sha256:
            try:
                if name not in NPZ:
                    self.read_bytes(name)
            except DamagedError as error:
                found[name] = error.why
        return found

    def remedy(self, name: str) -> str:  # noqa: ARG002  # any file of a pack
        return _REMEDY

    def _check(self, name: str, found: str) -> None:
        if found != self.sha256[name]:
            raise self.damaged(name, ValueError("checksum mismatch"))

    def _arrays(self, name: str) -> dict[str, NDArray[Any]]:
        """The arrays of a file, which are those that were packed."""
        try:
            arrays = {
                key: self._pack.array(place) for key, place in self._line.arrays[name].items()
            }
        except (
            OSError,
            IndexError,
            ValueError,
            NotImplementedError,
            zipfile.BadZipFile,
            zlib.error,
        ) as error:
            raise self.damaged(name, error) from error
        self._check(name, arrays_checksum(arrays))
        return arrays
