"""Everything that a folder of runs can be checked for by itself: whether files are those that were
written, figures follow from what lies beside them, and no run is another's copy.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vsebench.files import open_regular
from vsebench.plugin.errors import VsebenchError
from vsebench.results.checks.contents import check_zip
from vsebench.results.checks.soundness import faults
from vsebench.results.folder.store import Store
from vsebench.results.packs.pack import PackedRun
from vsebench.results.reader import CURVE, PER_IMAGE, RANKS, RECORD
from vsebench.results.tasks import task_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from vsebench.results.reader import RunReader
    from vsebench.results.record import RunRecord

_ROUNDING = 1e-9
"""Of test metrics that are computed again."""


@dataclass(frozen=True)
class Finding:
    """What is not as it should be.

    Attributes:
        run: name of the run's directory.
        file: name of the file.
        why: what is wrong with it, in words.
    """

    run: str
    file: str
    why: str


@dataclass(frozen=True)
class Audit:
    """What came of it.

    Attributes:
        runs: number of runs.
        sealed: number of them whose markers or packs say what their files were.
        retested: number of them whose metrics were computed again from what is stored by query.
        findings: what is not as it should be, by run.
    """

    runs: int
    sealed: int
    retested: int
    findings: tuple[Finding, ...]


def audit(folder: Path) -> Audit:
    """Checks every run of a folder or a pack.

    Raises:
        VsebenchError: there is no run, or the pack is damaged.
    """
    runs = Store(folder).runs()
    if not runs:
        raise VsebenchError(
            f"{folder} holds no runs: give the folder that 'vsebench run --out' wrote to"
        )
    findings: list[Finding] = []
    sealed = retested = 0
    originals: dict[str, tuple[str, str]] = {}
    for run in runs:
        found = [Finding(run.path.name, *each) for each in _findings(run)]
        findings += found
        if found or not run.is_done:
            continue
        record = run.read_record()
        assert record is not None
        sealed += isinstance(run, PackedRun) or bool(run.sums)
        retested += recount(run, record) is not None
        name, run_id = originals.setdefault(_outcome(run), (run.path.name, record.run_id))
        if run_id != record.run_id:
            why = f"a copy of {name}: two runs never have the same loss at every evaluation"
            findings.append(Finding(run.path.name, CURVE, why))
    return Audit(len(runs), sealed, retested, tuple(findings))


def recount(run: RunReader, record: RunRecord) -> dict[str, float] | None:
    """The test metrics by what the run left of every query; None where it left nothing."""
    retest = task_of(record.spec).load_retester()
    return None if retest is None else retest(run)


def contradiction(run: RunReader, record: RunRecord) -> tuple[str, str] | None:
    """A test metric that does not follow from what the run left of every query.

    Returns:
        The name of the file and what is wrong, in words; None where nothing is, or nothing of its
        queries was left.

    Raises:
        VsebenchError: a file is damaged.
    """
    for key, value in (recount(run, record) or {}).items():
        if not math.isclose(value, record.test.get(key, math.nan), abs_tol=_ROUNDING):
            file = RANKS if run.holds(RANKS) else PER_IMAGE
            return file, f"it gives a test {key} of {value}, the record has {record.test.get(key)}"
    return None


def _findings(run: RunReader) -> Iterator[tuple[str, str]]:
    damage = run.changed()
    if not run.is_done:
        yield from damage.items() if damage else _unfinished(run)
        return
    damage |= run.damage(model=run.best_path.exists())
    yield from damage.items()
    record = None if RECORD in damage else run.read_record()
    if record is None or damage:
        return
    for fault in faults(record):
        yield RECORD, fault
    curve = run.read_curve()
    best = [point.metrics for point in curve if point.step == record.best_step]
    if curve and record.best_step is not None and best != [record.best_dev]:
        yield CURVE, f"its metrics at step {record.best_step} are not those of the record's best"
    found = contradiction(run, record)
    if found is not None:
        yield found


def _unfinished(run: RunReader) -> Iterator[tuple[str, str]]:
    """Of a run that has not ended, or ended badly."""
    try:
        run.check_unfinished()
        run.read_record()
        run.read_spec()
    except VsebenchError as error:
        yield RECORD, str(error)
    if run.checkpoint_path.is_file():
        try:
            with open_regular(run.checkpoint_path) as file:
                check_zip(file)
        except ValueError as error:
            yield run.checkpoint_path.name, str(error)


def _outcome(run: RunReader) -> str:
    """What no other run has: losses and metrics of all evaluations. Models that took no step may
    well be alike, those of other seeds, too.
    """
    curve = [[point.step, point.loss, point.metrics] for point in run.read_curve() if point.step]
    text = json.dumps(curve if curve else run.path.name, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
