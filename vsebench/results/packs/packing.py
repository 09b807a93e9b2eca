"""Packs the runs of a folder."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from vsebench import files
from vsebench.plugin.errors import VsebenchError
from vsebench.results.checks.contents import npz_arrays, write_arrays
from vsebench.results.external import external_readers, external_row
from vsebench.results.folder.directory import RunDirectory
from vsebench.results.folder.lease import is_held
from vsebench.results.folder.noted import PLAN
from vsebench.results.folder.seal import digest
from vsebench.results.folder.store import Store
from vsebench.results.packs.format import (
    ARRAYS,
    EXTERNAL,
    EXTERNAL_NAMES,
    NAMES,
    NPZ,
    RUNS,
    VERSION,
    ExternalLine,
    Line,
    Opening,
    arrays_checksum,
    file_text,
    file_value,
    pack_bytes,
    table_name,
)
from vsebench.results.packs.pack import Pack, PackedRun
from vsebench.results.packs.tables import Tables

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from vsebench.results.reader import RunReader
    from vsebench.results.record import RunRecord

    Arrays = Mapping[str, NDArray[Any]]
    Others = Mapping[tuple[str, frozenset[tuple[str, str]]], str]

L = TypeVar("L", bound=Line)

_PASSING = re.compile(r"lease-\d+\.json|\..*\.tmp")
"""Files of whoever works on a run."""
_SHOWN = 3


@dataclass(frozen=True)
class Packed:
    """What a pack holds.

    Attributes:
        runs: number of runs, those that another pack holds included.
        failed: number of runs that failed or were blocked.
        held_elsewhere: number of runs that another pack holds.
        external: number of external rows.
        unfinished: names of the runs left out because they have not ended.
    """

    runs: int
    failed: int
    held_elsewhere: int
    external: int
    unfinished: tuple[str, ...]


def pack(
    folder: Path,
    target: Path | None = None,
    *,
    held_in: Iterable[Path] = (),
    leave_unfinished: bool = False,
) -> Packed:
    """Packs every run and every external row of a folder, those that its pack holds already
    included, and leaves the folder as it is.

    Args:
        folder: holds the runs.
        target: receives the pack; `folder` itself by default.
        held_in: folders whose packs are named instead where they hold a run to the byte.
        leave_unfinished: leave out runs that have not ended instead of refusing.

    Raises:
        VsebenchError: there is no run, one has not ended or is damaged, runs that were packed
            before would be lost, or the pack cannot be written.
    """
    store, target = Store(folder), target or folder
    ended, unfinished = _runs(store)
    if unfinished and not leave_unfinished:
        names = _named([run.path.name for run in unfinished])
        have = "has" if len(unfinished) == 1 else "have"
        raise VsebenchError(
            f"{folder}: {names} {have} not ended: finish with the same 'vsebench run' command, or "
            "leave out what has not ended with --leave-unfinished"
        )
    if not ended:
        raise VsebenchError(
            f"{folder} holds no run that has ended: give the folder that 'vsebench run --out' "
            "wrote to"
        )
    place = {run_id: i for i, run_id in enumerate(store.noted().run_ids)}
    ended.sort(key=lambda each: place.get(each[1].run_id, len(place)))
    outside = [(reader, external_row(reader).row_id) for reader in external_readers(folder)]
    _refuse_loss(target, {record.run_id for _, record in ended}, {row_id for _, row_id in outside})
    others = _others(folder, target, held_in, [run for run, _ in ended])
    tables = Tables()
    lines = [_line(run, record.run_id, others, tables) for run, record in ended]
    rows = [_external_line(reader, row_id, tables) for reader, row_id in outside]
    _write(target, _opening(store, len(lines), tuple(rows)), lines, tables)
    return Packed(
        runs=len(lines),
        failed=sum(record.status != "done" for _, record in ended),
        held_elsewhere=sum(line.held_in is not None for line in lines),
        external=len(rows),
        unfinished=tuple(run.path.name for run in unfinished),
    )


def remove_packed(folder: Path, target: Path) -> int:
    """Deletes what the pack in `target` gives back of the runs and the external rows in `folder`,
    once it has given it back, and folders that are empty then.

    Returns:
        Number of files deleted.

    Raises:
        VsebenchError: the pack does not give a file back, or it cannot be deleted.
    """
    held = Pack(target)
    packed = {run.path.name: run for run in held.runs}
    doomed: list[Path] = []
    for run in Store(folder).runs():
        twin = packed.get(run.path.name)
        if twin is not None and isinstance(run, RunDirectory) and not is_held(run.path):
            doomed += [_given_back(run, twin, name) for name in NAMES[::-1] if run.holds(name)]
    rows = {row.path.name: row for row in held.external}
    for row in external_readers(folder):
        if row.path.name in rows and isinstance(row, RunDirectory):
            doomed += [_given_back(row, rows[row.path.name], name) for name in EXTERNAL_NAMES]
    with files.guarded(folder):
        for path in doomed:
            path.unlink()
            for empty in (path.parent, folder / EXTERNAL):
                if empty.is_dir() and empty != folder and not any(empty.iterdir()):
                    empty.rmdir()
        plan = folder / PLAN
        if plan.exists() and plan.read_bytes() == held.plan and not _left(folder):
            plan.unlink()
            doomed.append(plan)
    return len(doomed)


def left_out(folder: Path) -> dict[str, list[int]]:
    """What lies in the folders of runs and is not packed.

    Returns:
        Sizes in bytes by file name, the name with the most bytes first.
    """
    sizes: dict[str, list[int]] = defaultdict(list)
    for run in Store(folder).runs():
        for path in run.path.rglob("*"):
            name = path.relative_to(run.path).as_posix()
            if path.is_file() and name not in NAMES and not _PASSING.fullmatch(name):
                sizes[name].append(path.stat().st_size)
    return dict(sorted(sizes.items(), key=lambda each: -sum(each[1])))


def _runs(store: Store) -> tuple[list[tuple[RunReader, RunRecord]], list[RunReader]]:
    """Runs that ended, read whole, and those that have not or are being run again."""
    ended, unfinished = [], []
    for run in store.runs():
        record = run.read_record()
        if record is None or (isinstance(run, RunDirectory) and is_held(run.path)):
            run.check_unfinished()
            unfinished.append(run)
        else:
            run.read_whole_curve(record)
            ended.append((run, record))
    return ended, unfinished


def _refuse_loss(target: Path, run_ids: Collection[str], row_ids: Collection[str]) -> None:
    """A pack never takes the place of one with other runs or external rows."""
    before = Pack.of(target)
    if before is None:
        return
    lost = [line.run for line in before.lines if line.run_id not in run_ids]
    lost += [row.path.name for row in before.external if row.run_id not in row_ids]
    if lost:
        raise VsebenchError(
            f"{target / RUNS} would lose {_named(lost)}, not among those to pack: pack into "
            "another folder, or unpack it first"
        )


def _others(
    folder: Path, target: Path, held_in: Iterable[Path], runs: Sequence[RunReader]
) -> Others:
    """Where other packs hold runs, relative to the target, by name and checksums: those asked for,
    and those that the folder's own pack names.
    """
    known = {run.keeper for run in runs if isinstance(run, PackedRun)}
    others = {}
    for place in (*held_in, *sorted(path for path in known if not path.samefile(folder))):
        if place.resolve() == target.resolve():
            raise VsebenchError(f"--held-in {place} is the folder to pack into: give another one")
        other = Pack.of(place)
        if other is None:
            raise VsebenchError(
                f"--held-in {place} has no {RUNS}: pack its runs first with 'vsebench pack {place}'"
            )
        way = Path(os.path.relpath(place.resolve(), target.resolve())).as_posix()
        for line in other.lines:
            if line.held_in is None:
                others[line.run, frozenset(line.sha256.items())] = way
    return others


def _line(run: RunReader, run_id: str, others: Others, tables: Tables) -> Line:
    """A run as a pack holds it, its arrays in tables unless another pack has it."""
    line, arrays = _held(run, NAMES, Line, run.path.name, run_id)
    held_in = others.get((line.run, frozenset(line.sha256.items())))
    if held_in is not None:
        return Line(run=line.run, run_id=run_id, held_in=held_in, sha256=line.sha256)
    return _placed(line, arrays, tables)


def _external_line(row: RunReader, row_id: str, tables: Tables) -> ExternalLine:
    """An external row likewise."""
    name = f"{EXTERNAL}/{row.path.name}"
    return _placed(*_held(row, EXTERNAL_NAMES, ExternalLine, name, row_id), tables)


def _held(
    run: RunReader, names: Sequence[str], kind: type[L], name: str, run_id: str
) -> tuple[L, Mapping[str, Arrays]]:
    """A run with its files that are text, and the arrays of the others by file."""
    contents = {file: _content(run, file) for file in names if run.holds(file)}
    arrays = {file: _arrays(run, file, contents.pop(file)) for file in NPZ if file in contents}
    sha256 = {
        **{file: arrays_checksum(found) for file, found in arrays.items()},
        **{file: digest(content) for file, content in contents.items()},
    }
    files = {file: file_text(file, content) for file, content in contents.items()}
    return kind(run=name, run_id=run_id, sha256=sha256, files=files), arrays


def _placed(line: L, arrays: Mapping[str, Arrays], tables: Tables) -> L:
    places = {
        file: {key: tables.place(table_name(file, key), array) for key, array in found.items()}
        for file, found in arrays.items()
    }
    return line.model_copy(update={"arrays": places})


def _content(run: RunReader, file: str) -> bytes:
    try:
        return run.read_bytes(file)
    except (OSError, ValueError) as error:
        raise run.damaged(file, error) from error


def _arrays(run: RunReader, file: str, content: bytes) -> dict[str, NDArray[Any]]:
    try:
        return npz_arrays(content)
    except (OSError, ValueError) as error:
        raise run.damaged(file, error) from error


def _opening(store: Store, runs: int, external: tuple[ExternalLine, ...]) -> Opening:
    """The first line, with the folder's plan, to the byte where it has no pack yet."""
    own = store.out / PLAN
    text = own.read_bytes() if own.exists() else b""
    noted = store.noted()
    if Pack.of(store.out) is not None:
        text = noted.text().encode()
    plan = {PLAN: file_value(PLAN, text)} if text and noted.run_ids else {}
    return Opening(vsebench_pack=VERSION, runs=runs, files=plan, external=external)


def _left(folder: Path) -> bool:
    """Whether a folder still has runs of its own, whose order its plan keeps."""
    return any(isinstance(run, RunDirectory) for run in Store(folder).runs())


def _write(target: Path, opening: Opening, lines: Iterable[Line], tables: Tables) -> None:
    """The arrays first: without the file of records there is no pack."""
    with files.guarded(target):
        target.mkdir(parents=True, exist_ok=True)
    arrays = tables.taken()
    if arrays:
        write_arrays(target / ARRAYS, arrays)
    files.write_bytes(target / RUNS, pack_bytes(opening, lines))
    if not arrays:
        (target / ARRAYS).unlink(missing_ok=True)


def _given_back(run: RunDirectory, twin: PackedRun, name: str) -> Path:
    """A file that the pack gives back.

    Raises:
        VsebenchError: it does not.
    """
    content = run.read_bytes(name)
    found = arrays_checksum(_arrays(run, name, content)) if name in NPZ else digest(content)
    if not twin.holds(name) or found != twin.sha256[name]:
        raise VsebenchError(
            f"{run.where(name)} has changed since it was packed: nothing was deleted; pack again"
        )
    twin.read_bytes(name)
    return run.path / name


def _named(runs: Sequence[str]) -> str:
    """`3 runs (a, b, c)`, for a message."""
    names = ", ".join([*runs[:_SHOWN], *["…"] * (len(runs) > _SHOWN)])
    return f"{len(runs)} run{'s' * (len(runs) > 1)} ({names})"
