"""Whether runs can be handed in: what of their records contradicts itself, or is not said."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vsebench.report.rows.runs import grouped
from vsebench.results.checks.audit import contradiction
from vsebench.results.checks.soundness import faults
from vsebench.results.run_base import METRIC_VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vsebench.report.rows.runs import Run

FEWEST_SEEDS = 3
"""Of a row, so that its interval says something."""

_NAMED = ("vsebench", "torch", "numpy")


@dataclass(frozen=True)
class Finding:
    """What is wrong with a run or a row.

    Attributes:
        where: the run or the row, as messages name it.
        what: what is wrong, in a few words.
    """

    where: str
    what: str


def findings(runs: Sequence[Run]) -> list[Finding]:
    """Everything that stands in the way of handing runs in; empty where nothing does.

    Args:
        runs: runs that ended. Those that failed are evidence, too, and are not asked for figures.

    Raises:
        VsebenchError: a file of a run is damaged.
    """
    found = [Finding(run.label, what) for run in runs for what in _of_run(run)]
    return [*found, *_of_rows(runs)]


def _of_run(run: Run) -> Iterator[str]:
    record = run.record
    if run.reader is not None:
        yield from (f"{name}: {why}" for name, why in run.reader.changed().items())
    yield from faults(record)
    if not run.done:
        return
    if record.metric_version != METRIC_VERSION:
        yield f"metric version {record.metric_version}, expected {METRIC_VERSION}"
    if not record.test:
        yield "no test metrics"
    yield from _figures(run)
    yield from _origin(run)
    if run.tuned and (run.tuning is None or run.tuning.configurations is None):
        yield f"{', '.join(run.tuned)} tuned, and not said with how many trials"


def _figures(run: Run) -> Iterator[str]:
    if not run.curve:
        yield "no training curve"
    if not run.per_image:
        yield "neither ranks nor values by image"
        return
    found = contradiction(run.reader, run.record) if run.reader is not None else None
    if found is not None:
        yield f"{found[0]}: {found[1]}"


def _origin(run: Run) -> Iterator[str]:
    origin = run.record.provenance
    if origin is None:
        yield "no provenance"
        return
    missing = [name for name in _NAMED if name not in origin.libraries]
    if missing:
        yield f"no version of {', '.join(missing)}"


def _row(run: Run) -> tuple[str, ...]:
    spec, tuned = run.record.spec, ("tuned",) if run.tuned else ()
    return spec.dataset.spec, *run.combination, *spec.set_apart, *tuned


def _of_rows(runs: Sequence[Run]) -> Iterator[Finding]:
    for row, those in grouped(runs, _row).items():
        where = " · ".join(row)
        seeds = Counter(run.record.spec.seed for run in those if run.done)
        twice = sorted(seed for seed, count in seeds.items() if count > 1)
        if twice:
            yield Finding(
                where,
                f"seed {twice[0]} counts twice: its runs differ in protocol, data or versions",
            )
        if len(seeds) < FEWEST_SEEDS:
            yield Finding(where, f"{len(seeds)} finished seeds, expected at least {FEWEST_SEEDS}")
