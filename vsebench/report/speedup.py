"""How much faster each row arrives than a baseline, and what its time was spent on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vsebench.report.arrivals import UNITS, Arrival, MeanArrival, arrive, arrive_own, mean_arrival
from vsebench.report.evidence import no_evidence
from vsebench.report.ratios import Ratio, log_ratio, over_seeds
from vsebench.report.rows import combinations_of, target_of
from vsebench.report.statistics import LEVEL

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from vsebench.report.arrivals import Unit
    from vsebench.report.evidence import Reason
    from vsebench.report.rows import Target
    from vsebench.report.runs import Run
    from vsebench.report.sections import Section


@dataclass(frozen=True)
class To:
    """How soon a row arrives somewhere, against the baseline.

    Attributes:
        mean: mean over its seeds; None where it has no finished run.
        faster: how many times faster than the baseline, by unit; None without a common seed.
        at_once: how many of its runs arrived by their first evaluation.
    """

    mean: MeanArrival | None
    faster: Mapping[Unit, Ratio | None]
    at_once: int = 0


@dataclass(frozen=True)
class SpeedRow:
    """A row of the table.

    Attributes:
        combination: the components that it compares.
        tuned: keys of the protocol that were tuned for it, with their values.
        seeds: finished runs.
        failed: runs that did not finish; they are in no figure.
        target: arrival at the quality that the baseline sets.
        own: arrival at 95 % of each run's own best, as the papers time convergence; the baseline's
            at 95 % of its own.
        parts: mean seconds of a whole run by what they were spent on; empty where no run says.
        no_evidence: why the row is no evidence; empty where it is.
    """

    combination: tuple[str, str]
    tuned: Mapping[str, object]
    seeds: int
    failed: int
    target: To
    own: To
    parts: Mapping[str, float]
    no_evidence: tuple[Reason, ...] = ()


@dataclass(frozen=True)
class SpeedTable:
    """The rows of a section against one baseline, with the level of their intervals."""

    section: Section
    target: Target
    rows: tuple[SpeedRow, ...]
    level: float = LEVEL


def speed_table(
    section: Section, baseline: tuple[str, str] | None = None, level: float = LEVEL
) -> SpeedTable:
    """Times every row of a section against a baseline.

    Ratios are of runs of one seed, which see the same pairs in the same order.

    Args:
        section: runs made under equal conditions.
        baseline: the row to time against; by default the first with a finished run.
        level: level of the intervals.
    """
    rows = combinations_of(section)
    target = target_of(rows, baseline)
    to_target = {key: _arrivals(runs, target.quality) for key, runs in rows.items()}
    to_own = {
        key: {
            run.record.spec.seed: found
            for run in runs
            if run.done and (found := arrive_own(run)) is not None
        }
        for key, runs in rows.items()
    }
    return SpeedTable(
        section,
        target,
        tuple(
            SpeedRow(
                key,
                runs[0].tuned,
                sum(run.done for run in runs),
                sum(not run.done for run in runs),
                _to(to_target[key], to_target.get(target.baseline, {}), level),
                _to(to_own[key], to_own.get(target.baseline, {}), level),
                _parts([run for run in runs if run.done]),
                no_evidence(runs),
            )
            for key, runs in rows.items()
        ),
        level,
    )


def _arrivals(runs: Sequence[Run], quality: float | None) -> dict[int, Arrival]:
    """By seed; nothing where no target is known."""
    if quality is None:
        return {}
    return {
        run.record.spec.seed: found
        for run in runs
        if run.done and (found := arrive(run, quality)) is not None
    }


def _to(arrivals: Mapping[int, Arrival], baseline: Mapping[int, Arrival], level: float) -> To:
    common = sorted(arrivals.keys() & baseline.keys())
    faster = {
        unit: over_seeds(
            [log_ratio(baseline[seed], arrivals[seed], unit) for seed in common], level
        )
        for unit in UNITS
    }
    return To(
        mean_arrival(list(arrivals.values())),
        faster,
        sum(arrival.at_once for arrival in arrivals.values()),
    )


def _parts(done: Sequence[Run]) -> dict[str, float]:
    costs = [run.record.cost for run in done if run.record.cost is not None]
    if not costs:
        return {}
    names = done[0].task.parts
    return {
        name: sum(getattr(cost, f"{name}_seconds") for cost in costs) / len(costs) for name in names
    }
