"""Whether rows are better than another, or at least no worse: differences paired by seed, judged
together.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, NamedTuple

from vsebench.report.rows.evidence import no_evidence
from vsebench.report.statistics.estimates import by_seed, of_differences, tested
from vsebench.report.statistics.means import LEVEL, above, detectable, holm, two_sided

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vsebench.plugin.metrics import Metric
    from vsebench.report.rows.evidence import Reason
    from vsebench.report.rows.sections import Section
    from vsebench.report.statistics.estimates import Estimates
    from vsebench.report.statistics.means import Estimate, Interval

Verdict = Literal[
    "better",
    "no worse",
    "worse",
    "undecided",
    "higher",
    "lower",
    "no evidence",
    "one seed",
    "no common seed",
]
Combination = tuple[str, str]


@dataclass(frozen=True)
class Terms:
    """What rows are compared in, and how strictly.

    Attributes:
        metric: metric whose test values are compared.
        margin: loss of it that still counts as no worse, set before the runs are seen.
        level: level of the intervals, and of what is said of all comparisons together.
    """

    metric: Metric
    margin: float
    level: float


def terms_of(
    section: Section,
    metric: str | None = None,
    margin: float | None = None,
    level: float = LEVEL,
) -> Terms:
    """The terms that are asked for.

    Args:
        section: runs made under equal conditions.
        metric: key of a metric of its runs; of the headline when None.
        margin: the metric's own when None.
        level: level of the intervals.

    Raises:
        SpecError: its runs have no such metric.
    """
    chosen = section.task.headline if metric is None else section.metric(metric)
    return Terms(chosen, chosen.margin if margin is None else margin, level)


def asked_of(
    sections: Sequence[Section],
    reference: Combination,
    metric: str | None = None,
    margin: float | None = None,
    level: float = LEVEL,
) -> list[tuple[Section, Terms]]:
    """The sections that have the reference row, each with its terms, as of `terms_of`."""
    return [
        (section, terms_of(section, metric, margin, level))
        for section in sections
        if reference in section.rows
    ]


class Significance(NamedTuple):
    """What the tests of a difference say.

    Attributes:
        p: p-value of no difference, two-sided.
        adjusted: the same by Holm over all comparisons.
        no_worse: p-value of a loss of the margin or more; None where it is not known which values
            are better.
        no_worse_adjusted: the same by Holm over all comparisons.
        detectable: true difference that would be found with 80 % probability, were it the only one
            among these comparisons.
    """

    p: float
    adjusted: float
    no_worse: float | None
    no_worse_adjusted: float | None
    detectable: float


@dataclass(frozen=True)
class Comparison:
    """One row against the reference.

    Attributes:
        combination: pooling and loss of the row.
        seeds: seeds that both have finished.
        estimates: difference of the metric on test, row minus reference, mean over those seeds,
            with its errors; None without a common seed.
        level: level of the intervals.
        verdict: what the tests say; nothing of rows that are no evidence.
        tests: the tests; None where there is no verdict.
        no_evidence: why the row is none; empty where it is.
        reference_no_evidence: why the reference is none.
    """

    combination: Combination
    seeds: tuple[int, ...]
    estimates: Estimates | None
    level: float
    verdict: Verdict
    tests: Significance | None = None
    no_evidence: tuple[Reason, ...] = ()
    reference_no_evidence: tuple[Reason, ...] = ()

    @property
    def difference(self) -> Interval | None:
        """The mean with the interval that the verdict rests on."""
        return self.estimates.interval(self.level) if self.estimates is not None else None

    @property
    def over_seeds(self) -> Interval | None:
        """The mean with Student's interval of the paired differences."""
        return self.estimates.interval_of_seeds(self.level) if self.estimates is not None else None

    @property
    def images(self) -> bool:
        """Whether the verdict counts the test images, and not the seeds alone."""
        return self.estimates is not None and self.estimates.images


def compare(
    section: Section, reference: Combination, terms: Terms | None = None
) -> list[Comparison]:
    """Every other row of a section against the reference.

    Args:
        section: runs made under equal conditions.
        reference: the row to compare with.
        terms: what is compared; the headline, with its margin, when None.
    """
    return compare_all([(section, terms or terms_of(section))], reference)[0]


def compare_all(
    asked: Sequence[tuple[Section, Terms]], reference: Combination
) -> list[list[Comparison]]:
    """Every other row of several sections against the reference, as one family of comparisons.

    Runs of one seed share the initial encoders, the order of the captions and their augmentation,
    so that differences within a seed vary less than the runs do. Where it is known what each test
    image contributed, the errors count other images, too. That no difference is seen does not make
    a method no worse: a loss of the margin must be refuted.

    Args:
        asked: runs made under equal conditions, and what is compared of them.
        reference: the row to compare with, of each section.
    """
    found = [list(_beside(section, reference, terms)) for section, terms in asked]
    tests = [
        test
        for (_, terms), rows in zip(asked, found, strict=True)
        for test in _tests(rows, reference, terms)
    ]
    for test, significance in zip(tests, _significance(tests), strict=True):
        row = test.rows[test.place]
        verdict = _verdict(row, test.terms, significance)
        test.rows[test.place] = replace(row, verdict=verdict, tests=significance)
    return found


def _beside(section: Section, reference: Combination, terms: Terms) -> Iterator[Comparison]:
    """Every other row beside the reference, before any difference is tested."""
    rows, key = {**section.rows}, terms.metric.key
    base = rows.pop(reference)
    theirs, against = by_seed(base, key), no_evidence(base)
    for row, runs in rows.items():
        ours, reasons = by_seed(runs, key), no_evidence(runs)
        estimates = of_differences(ours, theirs, key)
        verdict: Verdict = "no evidence" if reasons or against else "one seed"
        yield Comparison(
            row,
            tuple(sorted(ours.keys() & theirs.keys())),
            estimates,
            terms.level,
            "no common seed" if estimates is None else verdict,
            None,
            reasons,
            against,
        )


class _Test(NamedTuple):
    """A difference that a verdict can rest on.

    Attributes:
        rows: comparisons of its section.
        place: its own among them.
        estimate: the difference with its error, in terms of the better: positive where the row is
            ahead.
        terms: what is compared.
    """

    rows: list[Comparison]
    place: int
    estimate: Estimate
    terms: Terms


def _tests(rows: list[Comparison], reference: Combination, terms: Terms) -> Iterator[_Test]:
    """The differences of a section that can be tested: those between rows that are evidence, with
    an error.
    """
    family = [
        (place, row.combination, row.estimates)
        for place, row in enumerate(rows)
        if row.estimates is not None and not row.no_evidence and not row.reference_no_evidence
    ]
    found = tested([((combination, reference), each) for _, combination, each in family])
    for (place, _, _), estimate in zip(family, found, strict=True):
        if estimate is not None:
            yield _Test(rows, place, _ahead(estimate, terms), terms)


def _verdict(row: Comparison, terms: Terms, tests: Significance) -> Verdict:
    assert row.estimates is not None
    ahead = (row.estimates.mean > 0) != (terms.metric.better == "lower")
    error = 1 - terms.level
    differs = tests.adjusted <= error
    if terms.metric.better is None:
        return ("higher" if ahead else "lower") if differs else "undecided"
    if differs and ahead:
        return "better"
    if tests.no_worse_adjusted is not None and tests.no_worse_adjusted <= error / 2:
        return "no worse"
    return "worse" if differs else "undecided"


def _ahead(estimate: Estimate, terms: Terms) -> Estimate:
    lower = terms.metric.better == "lower"
    return estimate._replace(mean=-estimate.mean) if lower else estimate


def _significance(family: Sequence[_Test]) -> list[Significance]:
    """The tests of each; better or worse is one family, no worse another."""
    differ = [two_sided(each.estimate) for each in family]
    known = [i for i, each in enumerate(family) if each.terms.metric.better is not None]
    losses = [above(family[i].estimate, -family[i].terms.margin) for i in known]
    no_worse = dict(zip(known, losses, strict=True))
    no_worse_adjusted = dict(zip(known, holm(losses), strict=True))
    return [
        Significance(
            p,
            adjusted,
            no_worse.get(i),
            no_worse_adjusted.get(i),
            detectable(each.estimate, 1 - (1 - each.terms.level) / len(family)),
        )
        for i, (each, p, adjusted) in enumerate(zip(family, differ, holm(differ), strict=True))
    ]
