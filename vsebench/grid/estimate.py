"""What the runs of a plan will take, by runs like them that are done."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from vsebench.results.folder.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from vsebench.results.record import RunRecord
    from vsebench.results.run_base import RunBase


class Done(NamedTuple):
    """A run that is done.

    Attributes:
        record: its record.
        bytes: size of its directory; None of a packed run.
    """

    record: RunRecord
    bytes: int | None

    @property
    def seconds(self) -> float:
        """Seconds of its own process that counted: training, mining and evaluation."""
        cost = self.record.cost
        assert cost is not None
        return cost.train_seconds + cost.mining_seconds + cost.evaluation_seconds


@dataclass(frozen=True)
class Estimate:
    """What some runs will take.

    Attributes:
        runs: number of runs that it is of.
        unlike: number of others, like which none is done.
        seconds: wall seconds until all of them are done, several at a time.
        bytes: size of their directories together; None where it is not known.
        by_row: number of those that are other seeds of rows that are done.
        records: number of records that it rests on.
    """

    runs: int
    unlike: int
    seconds: float
    bytes: int | None
    by_row: int
    records: int


def done_runs(folders: Iterable[Path]) -> list[Done]:
    """The finished runs of some folders, each once.

    Raises:
        VsebenchError: a record is damaged.
    """
    found: dict[str, Done] = {}
    for folder in folders:
        for run in Store(folder).runs():
            record = run.read_record() if run.is_done else None
            if record is not None and record.cost is not None:
                size = folder_bytes(run.path) if run.path.is_dir() else None
                found.setdefault(record.run_id, Done(record, size))
    return list(found.values())


def folder_bytes(path: Path) -> int:
    """What the files of a folder hold."""
    return sum(file.lstat().st_size for file in path.rglob("*") if file.is_file())


def estimate(runs: Sequence[RunBase], done: Sequence[Done], workers: int) -> Estimate | None:
    """What runs will take; None where none like them is done.

    A run is like another that differs in its seed, its epochs or the row's components, on the same
    data, device and protocol: of those, other seeds of the same row tell most. Seconds are taken to
    grow with the epochs.

    Args:
        runs: runs that are left to do.
        done: finished runs.
        workers: runs at a time.
    """
    alike: dict[object, list[Done]] = {}
    for each in done:
        alike.setdefault(_alike(each.record.spec), []).append(each)
    seconds, sizes, used, by_row = [], [], set[str](), 0
    for run in runs:
        others = alike.get(_alike(run), [])
        same = [each for each in others if each.record.spec.combination == run.combination]
        chosen = same or others
        if not chosen:
            continue
        by_row += bool(same)
        used |= {each.record.run_id for each in chosen}
        seconds.append(_mean([_scaled(each, run) for each in chosen]))
        sizes.append(_mean([each.bytes for each in chosen if each.bytes is not None]))
    if not seconds:
        return None
    return Estimate(
        len(seconds),
        len(runs) - len(seconds),
        max(math.fsum(seconds) / max(1, min(workers, len(seconds))), *seconds, 0.0),
        None if any(math.isnan(size) for size in sizes) else round(math.fsum(sizes)),
        by_row,
        len(used),
    )


def _alike(run: RunBase) -> object:
    """What runs have in common that take about as long."""
    protocol = {
        key: value for key, value in run.held_protocol().items() if key not in ("epochs", "stop")
    }
    return run.task, run.data_fingerprint, run.device, tuple(sorted(map(str, protocol.items())))


def _scaled(done: Done, run: RunBase) -> float:
    return done.seconds * run.protocol.epochs / max(1, done.record.spec.protocol.epochs)


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values) if values else math.nan
