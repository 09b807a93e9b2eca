"""From the runs of a section to rows: one per combination, means over seeds."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from statistics import fmean
from typing import TYPE_CHECKING

from vsebench.report.rows.evidence import COLLAPSED, spoiled
from vsebench.report.rows.external import of_section
from vsebench.report.rows.progress import SHARE, Reach, mean_reach
from vsebench.report.statistics.estimates import ROWS, of_rows
from vsebench.report.statistics.means import LEVEL
from vsebench.results.row_keys import NO_EVIDENCE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from vsebench.plugin.metrics import Metric
    from vsebench.report.rows.evidence import Reason
    from vsebench.report.rows.runs import Run
    from vsebench.report.rows.sections import Section
    from vsebench.report.statistics.estimates import Estimates
    from vsebench.results.external import ExternalRow
    from vsebench.results.record import Cost

Value = str | int | float | list[str] | None
Row = dict[str, Value]


@dataclass(frozen=True)
class Target:
    """The dev RSUM, or MAP, that every row of a section is timed to: 95 % of the baseline's best,
    mean over its seeds.

    Attributes:
        baseline: the components of the row that sets it.
        quality: None when that row has no finished run.
    """

    baseline: tuple[str, str]
    quality: float | None


@dataclass(frozen=True)
class Entry:
    """A row with what its keys, which are fixed, do not hold.

    Attributes:
        row: the values by key.
        reached: how many of its seeds reached the target.
        images: whether its intervals count the test images, and not its seeds alone.
        no_evidence: why it is no evidence; empty where it is.
        tuned: its values of what was tuned for some row of its table.
    """

    row: Row
    reached: int
    images: bool = False
    no_evidence: tuple[Reason, ...] = ()
    tuned: Mapping[str, Value] = field(default_factory=dict)

    def count(self, key: str) -> int:
        """A value that counts runs."""
        value = self.row[key]
        return value if isinstance(value, int) else 0


@dataclass(frozen=True)
class Block:
    """A section with its rows.

    Attributes:
        section: runs made under equal conditions.
        target: what its rows are timed to.
        entries: its rows.
        level: level of the intervals.
        external: what was measured on its data of models made elsewhere.
    """

    section: Section
    target: Target
    entries: tuple[Entry, ...]
    level: float = LEVEL
    external: tuple[ExternalRow, ...] = ()


def make_block(
    section: Section,
    baseline: tuple[str, str] | None = None,
    level: float = LEVEL,
    external: Sequence[ExternalRow] = (),
) -> Block:
    """The rows of a section.

    Args:
        section: runs made under equal conditions.
        baseline: the row that sets the target; by default the first with a finished run.
        level: level of the intervals.
        external: the folder's external rows, of which those on the section's data are taken.
    """
    target = target_of(section.rows, baseline)
    rows = [*section.rows.values()]
    qualities = [
        quality
        for start in range(0, len(rows), ROWS)
        for quality in _qualities(section, [*map(_done, rows[start : start + ROWS])], level)
    ]
    return Block(
        section,
        target,
        tuple(
            _entry(section, runs, target, quality, images=images)
            for runs, (quality, images) in zip(rows, qualities, strict=True)
        ),
        level,
        of_section(section, external),
    )


def target_of(
    rows: Mapping[tuple[str, str], Sequence[Run]], baseline: tuple[str, str] | None
) -> Target:
    """What the baseline sets: by default the first row with a finished run."""
    first = next(iter(rows))
    chosen = baseline or next(
        (key for key, runs in rows.items() if any(run.done for run in runs)), first
    )
    bests = [
        best for run in rows.get(chosen, ()) if run.done and (best := run.best_dev) is not None
    ]
    return Target(chosen, SHARE * math.fsum(bests) / len(bests) if bests else None)


def _done(runs: Sequence[Run]) -> list[Run]:
    return [run for run in runs if run.done]


def _entry(
    section: Section, runs: Sequence[Run], target: Target, quality: Row, *, images: bool
) -> Entry:
    done = _done(runs)
    to_target = [run.reach(target.quality) for run in done] if target.quality is not None else []
    reasons = section.no_evidence[runs[0].combination]
    row: Row = {
        **_identity(section, runs),
        "seeds": len(done),
        "failed_seeds": len(runs) - len(done),
        "collapsed_seeds": sum(COLLAPSED in spoiled(run) for run in done),
        NO_EVIDENCE: [reason.name for reason in reasons],
        **quality,
        **_reach_keys("95", mean_reach([run.reached_own_best for run in done])),
        **_reach_keys("target", mean_reach(to_target)),
        **_cost([run.record.cost for run in done if run.record.cost is not None]),
        "tuning_seconds": _tuning_seconds(done),
        **(_sampling(done) if section.task.cost else {}),
    }
    return Entry(
        {key: row[key] for key in section.task.row_keys} | quality,
        sum(found is not None for found in to_target),
        images,
        reasons,
        values_of(runs, section.tuned),
    )


def values_of(runs: Sequence[Run], keys: Sequence[str]) -> dict[str, Value]:
    """A row's values of keys that may be tuned, those of each study, `0.004/0.0061`, where they
    differ; without keys that it has not, and without parameters of its components that were tuned
    for other tuned rows alone.
    """
    by_study = {run.study: run.record.spec for run in runs}.values()
    found: dict[str, Value] = {}
    for key in keys:
        values = [
            value
            for spec in by_study
            if ("." not in key or not spec.tuned_keys or key in spec.tuned_keys)
            and (value := spec.tuned_value(key)) is not None
        ]
        if values:
            found[key] = values[0] if len(set(values)) == 1 else "/".join(map(str, values))
    return found


def _identity(section: Section, runs: Sequence[Run]) -> Row:
    run, spec = runs[0], runs[0].record.spec
    # where the name alone would not tell rows apart
    changes = {
        **(spec.protocol_changes if section.apart else {}),
        **values_of(runs, spec.tuned_keys),
    }
    protocol = ":".join([spec.protocol.name, *(f"{key}={value}" for key, value in changes.items())])
    return {
        "dataset": spec.dataset.spec,
        "task": spec.task,
        "protocol": protocol,
        "data_fingerprint": spec.data_fingerprint,
        "metric_version": run.record.metric_version,
        "pooling": None,
        "sampler": None,
        **run.axes,
    }


def _qualities(
    section: Section, rows: Sequence[Sequence[Run]], level: float
) -> list[tuple[Row, bool]]:
    """Of each row's finished runs means, with intervals where a metric has one, unknown unless all
    runs have it; and whether the interval of the headline counts the test images.
    """
    found: list[Row] = [{} for _ in rows]
    images = [False] * len(rows)
    for metric in section.metrics:
        if metric.interval is None:
            for row, runs in zip(found, rows, strict=True):
                row[metric.key] = _finite_mean([run.test(metric.key) for run in runs])
            continue
        estimates = of_rows(rows, metric.key)
        for row, estimate in zip(found, estimates, strict=True):
            row |= _quality(metric, estimate, level)
        if metric == section.task.headline:
            images = [estimate is not None and estimate.images for estimate in estimates]
    return [*zip(found, images, strict=True)]


def _quality(metric: Metric, estimate: Estimates | None, level: float) -> Row:
    if estimate is None:
        return dict.fromkeys(metric.row_keys)
    ends = (*estimate.interval(level)[1:], *estimate.interval_of_seeds(level)[1:])
    return dict(zip(metric.row_keys, (estimate.mean, *ends), strict=False))


def _reach_keys(to: str, found: Reach | None) -> Row:
    return {
        f"{unit}_to_{to}": getattr(found, unit) if found is not None else None
        for unit in Reach._fields
    }


_MEANS = (
    "train_seconds",
    "own_seconds",
    "total_seconds",
    "own_cpu_seconds",
    "total_cpu_seconds",
    "samples_seen",
    "tower_forwards",
    "parameters",
)


def _cost(costs: Sequence[Cost]) -> Row:
    return {
        **{key: _known_mean([getattr(cost, key) for cost in costs]) for key in _MEANS},
        "peak_memory_mb": max((cost.peak_memory_mb for cost in costs), default=None),
        "concurrency": _common([cost.concurrency for cost in costs]),
    }


def _tuning_seconds(done: Sequence[Run]) -> float | None:
    """What one search of the row cost, mean over studies; unknown where a run does not say."""
    found = {run.study: run.tuning.seconds if run.tuning is not None else None for run in done}
    return _known_mean([*found.values()])


def _sampling(done: Sequence[Run]) -> Row:
    """What drawing negatives cost and gave: rates of each run, then means over runs."""
    costs = [run.record.cost for run in done if run.record.cost is not None]
    diagnostics = [[evaluation.diagnostics for evaluation in run.curve] for run in done]

    def share(key: str) -> Value:
        points = [[each[key] for each in of_run if key in each] for of_run in diagnostics]
        return _mean([fmean(values) for values in points]) if all(points) else None

    return {
        "updates_per_second": _mean(
            [cost.samples_seen / cost.train_seconds for cost in costs if cost.train_seconds]
        ),
        "draws_per_second": _mean(
            [cost.samples_seen / cost.sampling_seconds for cost in costs if cost.sampling_seconds]
        ),
        "sampling_seconds": _mean([cost.sampling_seconds for cost in costs]),
        "refresh_seconds": _mean([cost.refresh_seconds for cost in costs]),
        "violation_rate": share("violation_rate"),
        "false_negative_rate": share("false_negative_rate"),
    }


def _known_mean(values: Sequence[float | None]) -> float | None:
    """The mean; None where a value is not known."""
    known = [value for value in values if value is not None]
    return _mean(known) if len(known) == len(values) else None


def _finite_mean(values: Sequence[float]) -> float | None:
    """The mean; None where a value is missing."""
    return _mean(values) if all(map(math.isfinite, values)) else None


def _mean(values: Sequence[float]) -> float | None:
    """The mean; the value itself, whole numbers kept whole, where all are equal."""
    return fmean(values) if len(set(values)) > 1 else _common(values)


def _common(values: Sequence[float]) -> float | None:
    """The value that all share."""
    return values[0] if len(set(values)) == 1 else None
