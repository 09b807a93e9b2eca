"""What a lap left, beside what the same grid left in peace."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.soak.grid import runs_in
from vsebench.results.folder.seal import digest
from vsebench.results.reader import PER_IMAGE, RANKS, DamagedError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from vsebench.results.reader import RunReader

_TIMES = ("cost", "provenance")
"""Parts of a record that say how long it took, and where and when."""


def lost(out: Path, reference: Path) -> list[str]:
    """Runs that were not made, or did not end well."""
    found = runs_in(out)
    return [
        f"{name}: {'it is not done' if name in found else 'there is no such run'}"
        for name in runs_in(reference)
        if name not in found or not found[name].is_done
    ]


def doubled(out: Path, reference: Path) -> list[str]:
    """Runs that nobody asked for: a second folder of one is."""
    asked = runs_in(reference)
    return [f"{name}: it is none of the grid" for name in runs_in(out) if name not in asked]


def sealed(out: Path) -> Iterator[tuple[str, str]]:
    """Names of the runs whose seal knows their record, with the record's digest. Runs may come and
    go meanwhile, and bits of both files may be flipped.
    """
    for seal in out.glob("*/done"):
        with suppress(OSError):
            now = digest((seal.parent / "record.json").read_bytes())
            if now.encode() in seal.read_bytes():
                yield seal.parent.name, now


def wrong(out: Path, reference: Path) -> list[str]:
    """Differences that nothing tells of: whatever is refused when it is read is none."""
    found = runs_in(out)
    return [
        f"{name}: {part} differs"
        for name, run in runs_in(reference).items()
        if name in found
        for part in _differences(found[name], run)
    ]


def refused(out: Path) -> list[str]:
    """Files of finished runs that are known to be damaged."""
    return [
        f"{name}: {file}"
        for name, run in runs_in(out).items()
        for file in run.damage(model=True)
        if run.is_done
    ]


def unchanged_numbers(run: RunReader) -> dict[str, object] | None:
    """All that a run found out, without what depends on the time and the machine; None where it is
    not done.
    """
    record = run.read_record()
    if record is None or not run.is_done:
        return None
    plain = record.model_dump(mode="json")
    timeless = {name: value for name, value in plain.items() if name not in _TIMES}
    cost = plain["cost"] or {}
    timeless["cost"] = {name: value for name, value in cost.items() if _is_count(name)}
    curve = [
        {name: value for name, value in point.model_dump(mode="json").items() if _is_count(name)}
        for point in run.read_whole_curve(record)
    ]
    return {
        "record": timeless,
        "curve": curve,
        "ranks": _bytes(run.read_arrays(RANKS)),
        "metrics by image": _bytes(run.read_arrays(PER_IMAGE)),
    }


def _differences(run: RunReader, reference: RunReader) -> Iterator[str]:
    try:
        ours, theirs = unchanged_numbers(run), unchanged_numbers(reference)
    except DamagedError:
        return
    if ours is None or theirs is None:
        return
    yield from (part for part in theirs if ours[part] != theirs[part])
    try:
        run.check_best()
    except DamagedError:
        return
    for path, other in (
        (run.best_path, reference.best_path),
        (run.vocabulary_path, reference.vocabulary_path),
    ):
        if path.read_bytes() != other.read_bytes():
            yield path.name


def _is_count(name: str) -> bool:
    """Whether a field says the same wherever a run is made."""
    return re.search(r"seconds|memory|concurrency", name) is None


def _bytes(arrays: dict[str, Any]) -> dict[str, tuple[str, bytes]]:
    return {
        name: (str(array.dtype), np.ascontiguousarray(array).tobytes())
        for name, array in arrays.items()
    }
