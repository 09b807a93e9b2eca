"""Finished runs against the published figures of a component: the figures, the gaps between them,
and the verdict.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING

from vsebench.plugin.errors import SpecError, VsebenchError, did_you_mean
from vsebench.plugin.metrics import IN_FOLDS, named
from vsebench.report.rows.evidence import no_evidence
from vsebench.report.rows.runs import read_runs
from vsebench.report.rows.sections import split
from vsebench.report.statistics.means import LEVEL
from vsebench.report.statistics.seed_spread import stored
from vsebench.report.verification.matching import (
    NEUTRAL,
    differences,
    features_of,
    references,
    uses,
)
from vsebench.results.tasks import task_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import Literal

    from vsebench.plugin.registry import Registry
    from vsebench.report.rows.evidence import Reason
    from vsebench.report.rows.runs import Run
    from vsebench.report.verification.matching import Difference, Reference

    Outcome = Literal["reproduced", "not reproduced", "too few seeds", "no evidence"]
    Verdict = Outcome | Literal["nothing compared"]
    Setting = tuple[Reference, list[Difference]]

FEWEST_SEEDS = 2
"""Below this a gap decides nothing: one run that failed to train looks like a method that does not
work.
"""


@dataclass(frozen=True)
class Figure:
    """One metric, published and ours.

    Attributes:
        metric: its key in a result row.
        published: published figure, of one run as most papers report.
        ours: the mean over seeds.
        limit: the largest gap that chance explains, up or down.
    """

    metric: str
    published: float
    ours: float
    limit: float

    @property
    def head(self) -> str:
        """The metric as tables name it."""
        return named(self.metric).name

    @property
    def gap(self) -> float:
        """Ours less the published figure, without the dust of binary fractions."""
        return round(self.ours - self.published, 6)

    @property
    def within(self) -> bool:
        """Whether the gap is within the limit."""
        return abs(self.gap) <= self.limit


@dataclass(frozen=True)
class RowName:
    """The finished runs of one combination under one protocol.

    Attributes:
        dataset: spec of the data set.
        pooling: canonical spec.
        loss: canonical spec.
        seeds: seeds in order.
    """

    dataset: str
    pooling: str
    loss: str
    seeds: tuple[int, ...]


@dataclass(frozen=True)
class Comparison:
    """A row beside a published result of its setting.

    Attributes:
        row: ours.
        reference: the published result.
        figures: one for each metric that was published.
        remarks: what must be known besides: neutral differences, and what the runs warned of.
        no_evidence: why the row is no evidence; empty where it is.
    """

    row: RowName
    reference: Reference
    figures: tuple[Figure, ...]
    remarks: tuple[str, ...]
    no_evidence: tuple[Reason, ...] = ()

    @property
    def outcome(self) -> Outcome:
        """Whether all figures are reproduced, together; of a row that is no evidence, that."""
        if self.no_evidence:
            return "no evidence"
        if len(self.row.seeds) < FEWEST_SEEDS:
            return "too few seeds"
        return "reproduced" if all(figure.within for figure in self.figures) else "not reproduced"


@dataclass(frozen=True)
class Uncompared:
    """A row of which no result is published, with the nearest that is and how the settings
    differ.
    """

    row: RowName
    nearest: Reference
    differences: tuple[Difference, ...]


@dataclass(frozen=True)
class Verification:
    """What became of every run that uses a component.

    Attributes:
        name: name of the component.
        level: probability with which a perfect reproduction is within all limits of a row.
        compared: rows with a published result.
        uncompared: rows without.
        unfinished: labels of runs that failed or have not ended, which nothing here counts.
    """

    name: str
    level: float
    compared: tuple[Comparison, ...]
    uncompared: tuple[Uncompared, ...]
    unfinished: tuple[str, ...]

    @property
    def verdict(self) -> Verdict:
        """Of all rows together: one that is not reproduced outweighs those that leave it open."""
        outcomes = {comparison.outcome for comparison in self.compared}
        for outcome in ("not reproduced", "no evidence", "too few seeds", "reproduced"):
            if outcome in outcomes:
                return outcome
        return "nothing compared"


def verify(
    name: str,
    directory: Path,
    registry: Registry,
    level: float = LEVEL,
) -> Verification:
    """Compares the finished runs that use a component with the published results that name it.

    Args:
        name: name of a component of any kind, `name` or `dist::name`.
        directory: the folder that `vsebench run --out` wrote to.
        registry: holds the cards with the published results.
        level: probability with which a perfect reproduction is within all limits of a row.

    Raises:
        SpecError: no such component, or nothing is published of it that a run could be compared
            with.
        VsebenchError: no such folder, a damaged file, or no finished run in it uses the component.
    """
    published = _published(name, registry)
    runs = read_runs(directory)
    ours = [run for run in runs.ended if run.task.published and uses(run.record.spec, name)]
    pending = [
        spec.label for spec in runs.unfinished if task_of(spec).published and uses(spec, name)
    ]
    done = [run for run in ours if run.done]
    if not done:
        raise VsebenchError(
            f"no finished run in {directory} uses '{name}': run one first, or name a component "
            "that runs there use"
        )
    compared: list[Comparison] = []
    uncompared: list[Uncompared] = []
    for row, settings in _beside(done, published, registry):
        same = _same(row, settings, level)
        compared += same
        if not same:
            uncompared.append(_nearest(row, settings))
    failed = [f"{run.record.spec.label} ({run.record.status})" for run in ours if not run.done]
    return Verification(name, level, tuple(compared), tuple(uncompared), (*failed, *pending))


def beside_published(
    runs: Sequence[Run], registry: Registry, level: float = LEVEL
) -> tuple[Comparison, ...]:
    """The finished rows among some runs beside the published results of the same setting, whichever
    component they are of.

    Args:
        runs: runs of any task; only retrieval has published settings.
        registry: holds the cards with the published results.
        level: probability with which a perfect reproduction is within all limits of a row.
    """
    done = [run for run in runs if run.done and run.task.published]
    return tuple(
        comparison
        for row, settings in _beside(done, references(None, registry), registry)
        for comparison in _same(row, settings, level)
    )


def _beside(
    done: Sequence[Run], published: Sequence[Reference], registry: Registry
) -> Iterator[tuple[list[Run], list[Setting]]]:
    """The runs of each combination that were made under equal conditions, by seed, and in what they
    differ from each published result.
    """
    for section in split(done, allow_mixed=True):
        for runs in section.rows.values():
            spec = runs[0].record.retrieval
            features = features_of(spec, registry)
            yield (
                sorted(runs, key=lambda run: run.record.spec.seed),
                [(each, differences(spec, features, each.setting)) for each in published],
            )


def _same(row: Sequence[Run], settings: Sequence[Setting], level: float) -> list[Comparison]:
    """A row beside the published results of which it differs in nothing that counts."""
    return [
        _compare(row, reference, found, level)
        for reference, found in settings
        if all(difference.what in NEUTRAL for difference in found)
    ]


def _published(name: str, registry: Registry) -> list[Reference]:
    if not registry.find(name):
        raise SpecError(
            f"unknown component '{name}': "
            f"{did_you_mean(name, {component.name for component in registry})}"
        )
    found = references(name.rpartition("::")[2], registry)
    if not found:
        raise SpecError(f"no published figures name '{name}': there is nothing to verify it by")
    return found


def _compare(
    row: Sequence[Run],
    reference: Reference,
    neutral: Sequence[Difference],
    level: float,
) -> Comparison:
    tests = [_tested(run, reference.setting.evaluation) for run in row]
    ours = {key: fmean(test[key] for test in tests) for key in tests[0]}
    limits = stored().limits(
        {**ours, **reference.metrics}, list(reference.metrics), len(row), level
    )
    figures = (
        Figure(metric, published, ours[metric], limits[metric])
        for metric, published in reference.metrics.items()
    )
    warnings = dict.fromkeys(warning for run in row for warning in run.record.warnings)
    remarks = (
        f"{difference.what} {difference.ours}, where the protocol has {difference.published}"
        for difference in neutral
    )
    return Comparison(
        _name(row), reference, tuple(figures), (*remarks, *warnings), no_evidence(row)
    )


def _tested(run: Run, evaluation: str) -> Mapping[str, float]:
    """Test metrics of a run, ranked among all or within folds."""
    test = run.record.test
    if evaluation == "full":
        return test
    return {key: test[metric.key] for key, metric in IN_FOLDS.items()}


def _nearest(row: Sequence[Run], settings: Sequence[Setting]) -> Uncompared:
    """The published result with the fewest differences: first of those in data and components, then
    of those in the protocol.
    """
    reference, found = min(
        settings,
        key=lambda pair: (sum(not difference.in_protocol for difference in pair[1]), len(pair[1])),
    )
    return Uncompared(
        _name(row),
        reference,
        tuple(difference for difference in found if difference.what not in NEUTRAL),
    )


def _name(row: Sequence[Run]) -> RowName:
    spec = row[0].record.retrieval
    return RowName(
        spec.dataset.spec, spec.pooling, spec.loss.spec, tuple(run.record.spec.seed for run in row)
    )
