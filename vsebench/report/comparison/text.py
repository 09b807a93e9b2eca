"""Comparisons as a table for a terminal, and as JSON."""

from __future__ import annotations

import statistics
import textwrap
from typing import TYPE_CHECKING

from vsebench.report.listing import tabled
from vsebench.report.statistics.means import POWER
from vsebench.report.tables.formats import WIDTH
from vsebench.report.tables.layout import ABSENT
from vsebench.report.wording import count, counted, name, p_text, percent

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vsebench.plugin.metrics import Metric
    from vsebench.report.comparison.verdicts import Combination, Comparison, Terms
    from vsebench.report.rows.sections import Section
    from vsebench.report.statistics.means import Interval


def render(
    section: Section,
    comparisons: Sequence[Comparison],
    reference: Combination,
    terms: Terms,
    family: int | None = None,
) -> str:
    """The comparisons as a table for a terminal, with what its words mean.

    Args:
        section: runs that are compared.
        comparisons: its rows beside the reference.
        reference: the row that they are compared with.
        terms: what is compared.
        family: how many comparisons were judged together; these alone when None.
    """
    both = any(c.images for c in comparisons)
    judged = any(c.tests is not None for c in comparisons)
    heads = [
        section.task.compared,
        "loss",
        "seeds",
        f"Δ{terms.metric.name}",
        f"{percent(terms.level)} interval",
        *(["seeds only"] if both else []),
        *(["p"] if judged else []),
        "verdict",
    ]
    cells = [
        [
            *c.combination,
            str(len(c.seeds)),
            *_figures(c, terms.metric, both=both),
            *([_p_value(c)] if judged else []),
            _said(c),
        ]
        for c in comparisons
    ]
    text = tabled(heads, cells, "ll" + "r" * (len(heads) - 3) + "l")
    notes = [
        *_meaning(comparisons, reference, terms),
        _verdicts(terms),
        *_no_evidence(comparisons, reference),
        *_family(comparisons, terms, family),
        *_warnings(section),
    ]
    return "\n".join(
        [text, "", *(textwrap.fill(note, WIDTH, subsequent_indent="  ") for note in notes)]
    )


def render_all(
    asked: Sequence[tuple[Section, Terms]],
    compared: Sequence[Sequence[Comparison]],
    reference: Combination,
) -> str:
    """The comparisons of several sections, judged together."""
    family = sum(each.tests is not None for found in compared for each in found)
    return "\n\n".join(
        f"{section.dataset} · {section.counted_on}\n\n"
        f"{render(section, found, reference, terms, family)}"
        for (section, terms), found in zip(asked, compared, strict=True)
    )


def as_dicts(
    asked: Sequence[tuple[Section, Terms]], compared: Sequence[Sequence[Comparison]]
) -> list[dict[str, object]]:
    """The comparisons of several sections, as of `as_dict`."""
    return [
        as_dict(section, each, terms)
        for (section, terms), found in zip(asked, compared, strict=True)
        for each in found
    ]


def as_dict(section: Section, comparison: Comparison, terms: Terms) -> dict[str, object]:
    """A comparison as a flat dict for JSON; unknown numbers are null."""
    mean, low, high = comparison.difference or (None, None, None)
    _, seeds_low, seeds_high = comparison.over_seeds or (None, None, None)
    compared, loss = comparison.combination
    tests = comparison.tests
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
        "difference_seeds_lo": seeds_low,
        "difference_seeds_hi": seeds_high,
        "images": comparison.images,
        "level": terms.level,
        "p": tests.p if tests is not None else None,
        "p_adjusted": tests.adjusted if tests is not None else None,
        "p_no_worse": tests.no_worse if tests is not None else None,
        "p_no_worse_adjusted": tests.no_worse_adjusted if tests is not None else None,
        "detectable": tests.detectable if tests is not None else None,
        "verdict": comparison.verdict,
        "no_evidence": [reason.name for reason in comparison.no_evidence],
        "reference_no_evidence": [reason.name for reason in comparison.reference_no_evidence],
    }


def _figures(comparison: Comparison, metric: Metric, *, both: bool) -> list[str]:
    """The difference and its interval; with `both` that over seeds, too, and the former only where
    it counts the images.
    """
    difference = comparison.difference
    if difference is None:
        return [ABSENT] * (3 if both else 2)
    mean, seeds = metric.text(difference.mean, "+"), _ends(comparison.over_seeds, metric)
    if not both:
        return [mean, seeds]
    return [mean, _ends(difference, metric) if comparison.images else ABSENT, seeds]


def _ends(interval: Interval | None, metric: Metric) -> str:
    if interval is None or interval.low is None or interval.high is None:
        return ABSENT
    return f"{metric.text(interval.low, '+')} … {metric.text(interval.high, '+')}"


def _p_value(comparison: Comparison) -> str:
    if comparison.tests is None:
        return ABSENT
    return p_text(comparison.tests.adjusted, 1 - comparison.level)


def _said(comparison: Comparison) -> str:
    """The verdict as a cell."""
    if comparison.verdict != "no evidence":
        return comparison.verdict
    own = ", ".join(reason.name for reason in comparison.no_evidence)
    return f"no evidence: {own or 'the reference'}"


def _meaning(
    comparisons: Sequence[Comparison], reference: Combination, terms: Terms
) -> Iterator[str]:
    """What the figures are."""
    metric, level = terms.metric.name, percent(terms.level)
    yield (
        f"Δ{metric}: test {metric} minus that of {name(reference)}, mean of differences paired by "
        "seed."
    )
    known = [c for c in comparisons if c.difference is not None and c.difference.low is not None]
    if not known:
        yield "No row has an interval: a single seed in common gives none. Add seeds."
    elif any(c.images for c in known):
        yield (
            "The intervals are for other seeds and other images of the same kind, each at "
            f"{level}; seeds only: Student's, for other seeds on this test split."
        )
        if not all(c.images for c in known):
            yield (
                f"{ABSENT}: it is not known of every run what each image contributed; the interval "
                "over seeds decides."
            )
    else:
        yield (
            f"The intervals are Student's, for other seeds on this test split, each at {level}: it "
            "is not known of every run what each image contributed."
        )


def _verdicts(terms: Terms) -> str:
    """What the words mean that tell what the tests say."""
    error, half = percent(1 - terms.level), percent((1 - terms.level) / 2)
    if terms.metric.better is None:
        return (
            f"higher, lower: p is at most {error}. undecided: it is not. Which is better is not "
            f"known of {terms.metric.name}."
        )
    lower = "Lower is better. " if terms.metric.better == "lower" else ""
    return (
        f"{lower}better, worse: p, of no difference, is at most {error}. no worse: p of a loss of "
        f"{terms.margin:g} or more, the margin, is at most {half}. undecided: none of these."
    )


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


def _family(comparisons: Sequence[Comparison], terms: Terms, family: int | None) -> Iterator[str]:
    """How many comparisons the verdicts are corrected for, and what these can find."""
    found = [c.tests.detectable for c in comparisons if c.tests is not None]
    number = len(found) if family is None else family
    if not found:
        yield "No comparison has a verdict."
        return
    corrected = ", p and verdicts corrected by Holm" if number > 1 else ""
    yield (
        f"{count(number, 'comparison')}{corrected}. A difference of "
        f"{terms.metric.text(statistics.median(found))} {terms.metric.name}"
        f"{', the only one,' if number > 1 else ''} is found with {percent(POWER)} probability"
        f"{' (median over rows)' if len(found) > 1 else ''}."
    )


def _warnings(section: Section) -> Iterator[str]:
    if section.superseded:
        yield f"{count(section.superseded, 'run')} of older versions left out."
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
