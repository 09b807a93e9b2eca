"""Whether a row is better than another, or at least no worse: differences paired by seed."""

from __future__ import annotations

import math
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from tabulate import tabulate

from vsebench.report.evidence import no_evidence
from vsebench.report.formats import WIDTH
from vsebench.report.layout import ABSENT
from vsebench.report.rows import combinations_of
from vsebench.report.statistics import LEVEL, Interval, t_interval
from vsebench.report.wording import counted, name, percent

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vsebench.plugin.metrics import Metric
    from vsebench.report.evidence import Reason
    from vsebench.report.runs import Run
    from vsebench.report.sections import Section

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
        level: level of the intervals.
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


@dataclass(frozen=True)
class Comparison:
    """One row against the reference.

    Attributes:
        combination: pooling and loss of the row.
        seeds: seeds that both have finished.
        difference: difference of the metric on test, row minus reference, mean over those seeds
            with the t-interval of paired differences; None without a common seed.
        verdict: what the interval says; nothing of rows that are no evidence.
        no_evidence: why the row is none; empty where it is.
        reference_no_evidence: why the reference is none.
    """

    combination: Combination
    seeds: tuple[int, ...]
    difference: Interval | None
    verdict: Verdict
    no_evidence: tuple[Reason, ...] = ()
    reference_no_evidence: tuple[Reason, ...] = ()


def compare(
    section: Section, reference: Combination, terms: Terms | None = None
) -> list[Comparison]:
    """Every other row of a section against the reference.

    Runs of one seed share the initial encoders, the order of the captions and their augmentation,
    so that differences within a seed vary less than the runs do. That no difference is seen does
    not make a method no worse: the whole interval must lie within the margin.

    Args:
        section: runs made under equal conditions.
        reference: the row to compare with.
        terms: what is compared; the headline, with its margin, when None.
    """
    agreed = terms or terms_of(section)
    rows = combinations_of(section)
    base = rows.pop(reference)
    return [_comparison(row, runs, base, agreed) for row, runs in rows.items()]


def render(
    section: Section, comparisons: Sequence[Comparison], reference: Combination, terms: Terms
) -> str:
    """The comparisons as a table for a terminal, with what its words mean."""
    metric, level = terms.metric, percent(terms.level)
    heads = [
        section.task.compared,
        "loss",
        "seeds",
        f"Δ{metric.name}",
        f"{level} interval",
        "verdict",
    ]
    cells = [
        [*c.combination, str(len(c.seeds)), *_figures(c.difference, metric), _said(c)]
        for c in comparisons
    ]
    text = tabulate(
        cells,
        heads,
        tablefmt="simple",
        colalign=("left", "left", "right", "right", "right", "left"),
        disable_numparse=True,
    )
    notes = [
        (
            f"Δ{metric.name}: test {metric.name} minus that of {name(reference)}, mean of "
            "differences paired by seed, with Student's interval."
        ),
        _verdicts(terms),
        *_no_evidence(comparisons, reference),
        (
            f"{len(comparisons)} comparison{'s' if len(comparisons) != 1 else ''}, each at "
            f"{level}. The intervals speak of seeds, on this test split."
        ),
        *_warnings(section),
    ]
    return "\n".join(
        [text, "", *(textwrap.fill(note, WIDTH, subsequent_indent="  ") for note in notes)]
    )


def _verdicts(terms: Terms) -> str:
    """What the words mean that tell what an interval says."""
    if terms.metric.better is None:
        return (
            "higher: the interval lies above 0. lower: below 0. undecided: neither. Which is "
            f"better is not known of {terms.metric.name}."
        )
    if terms.metric.better == "lower":
        return (
            f"Lower is better. better: the interval lies below 0. no worse: below {terms.margin:g},"
            " the margin. worse: above 0, and not within the margin. undecided: none of these."
        )
    return (
        f"better: the interval lies above 0. no worse: above −{terms.margin:g}, the margin. worse: "
        "below 0, and not within the margin. undecided: none of these."
    )


def _warnings(section: Section) -> Iterator[str]:
    if failed := counted(run for run in section.runs if not run.done):
        yield (
            f"Warning: failed runs are in no difference: {failed}. A row that often fails is "
            "better only where it does not."
        )
    if collapsed := counted(
        run for run in section.runs if run.done and run.record.collapse is not None
    ):
        yield (
            "Warning: collapsed runs are in the differences, with the models selected before: "
            f"{collapsed}."
        )


def as_dict(section: Section, comparison: Comparison, terms: Terms) -> dict[str, object]:
    """A comparison as a flat dict for JSON; unknown numbers are null."""
    mean, low, high = comparison.difference or (None, None, None)
    compared, loss = comparison.combination
    return {
        "dataset": section.dataset,
        "margin": terms.margin,
        section.task.compared: compared,
        "loss": loss,
        "seeds": list(comparison.seeds),
        "metric": terms.metric.key,
        "difference": mean,
        "difference_lo": low,
        "difference_hi": high,
        "level": terms.level,
        "verdict": comparison.verdict,
        "no_evidence": [reason.name for reason in comparison.no_evidence],
        "reference_no_evidence": [reason.name for reason in comparison.reference_no_evidence],
    }


def _scores(runs: Sequence[Run], key: str) -> dict[int, float]:
    """By seed, of finished runs that were measured."""
    found = {run.record.spec.seed: run.test(key) for run in runs if run.done}
    return {seed: value for seed, value in found.items() if math.isfinite(value)}


def _comparison(
    row: Combination, runs: Sequence[Run], base: Sequence[Run], terms: Terms
) -> Comparison:
    ours, theirs = (_scores(each, terms.metric.key) for each in (runs, base))
    seeds = tuple(sorted(ours.keys() & theirs.keys()))
    differences = [ours[seed] - theirs[seed] for seed in seeds]
    difference = t_interval(differences, terms.level) if seeds else None
    reasons = no_evidence(runs), no_evidence(base)
    return Comparison(
        row, seeds, difference, _verdict(difference, terms, sound=not any(reasons)), *reasons
    )


def _verdict(difference: Interval | None, terms: Terms, *, sound: bool) -> Verdict:
    if difference is None:
        return "no common seed"
    if not sound:
        return "no evidence"
    if difference.low is None or difference.high is None:
        return "one seed"
    if terms.metric.better is None:
        return "higher" if difference.low > 0 else "lower" if difference.high < 0 else "undecided"
    low, high = difference.low, difference.high
    if terms.metric.better == "lower":
        low, high = -high, -low
    if low > 0:
        return "better"
    if low > -terms.margin:
        return "no worse"
    return "worse" if high < 0 else "undecided"


def _said(comparison: Comparison) -> str:
    """The verdict as a cell."""
    if comparison.verdict != "no evidence":
        return comparison.verdict
    own = ", ".join(reason.name for reason in comparison.no_evidence)
    return f"no evidence: {own or 'the reference'}"


def _no_evidence(comparisons: Sequence[Comparison], reference: Combination) -> Iterator[str]:
    """What `no evidence` means here, and whether the reference is none."""
    if any(c.verdict == "no evidence" for c in comparisons):
        yield (
            "no evidence: the row, or the reference, collapsed, was selected in the warm-up, or "
            "was still rising when training ended, as the table of 'vsebench report' says."
        )
    against = dict.fromkeys(reason.name for c in comparisons for reason in c.reference_no_evidence)
    if against:
        yield f"Warning: the reference {name(reference)} is no evidence: {', '.join(against)}."


def _figures(difference: Interval | None, metric: Metric) -> tuple[str, str]:
    if difference is None:
        return ABSENT, ABSENT
    mean, low, high = (ABSENT if value is None else metric.text(value, "+") for value in difference)
    return mean, low if difference.low is None else f"{low} … {high}"
