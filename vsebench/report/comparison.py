"""Whether a row is better than another, or at least no worse: differences paired by seed."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from tabulate import tabulate

from vsebench.report.evidence import no_evidence
from vsebench.report.formats import WIDTH
from vsebench.report.rows import combinations_of
from vsebench.report.statistics import Interval, t_interval
from vsebench.report.wording import counted, name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from vsebench.plugin.cards import Task
    from vsebench.report.evidence import Reason
    from vsebench.report.runs import Run
    from vsebench.report.sections import Section

Verdict = Literal[
    "better", "no worse", "worse", "undecided", "no evidence", "one seed", "no common seed"
]
Combination = tuple[str, str]

MARGIN: Mapping[Task, float] = {"retrieval": 2.0, "annotation": 0.002}
"""The RSUM, or MAP, that a method may lose and still count as no worse, unless another margin is
set beforehand.
"""


@dataclass(frozen=True)
class Comparison:
    """One row against the reference.

    Attributes:
        combination: pooling and loss of the row.
        seeds: that both have finished.
        difference: of the test RSUM (MAP), row minus reference, mean over those seeds with the
            t-interval of paired differences; None without a common seed.
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
    section: Section, reference: Combination, margin: float | None = None
) -> list[Comparison]:
    """Every other row of a section against the reference.

    Runs of one seed share the initial encoders, the order of the captions and their augmentation,
    so that differences within a seed vary less than the runs do. That no difference is seen does
    not make a method no worse: the whole interval must lie above −margin.

    Args:
        section: runs made under equal conditions.
        reference: the row to compare with.
        margin: the RSUM (MAP) that counts as no loss, set before the runs are seen; `MARGIN` of the
            task when None.
    """
    allowed = margin_of(section, margin)
    rows = combinations_of(section)
    base = rows.pop(reference)
    return [_comparison(row, runs, base, allowed) for row, runs in rows.items()]


def margin_of(section: Section, margin: float | None) -> float:
    """The margin that is asked for, or the task's."""
    return MARGIN[section.runs[0].record.spec.task] if margin is None else margin


def render(
    section: Section, comparisons: Sequence[Comparison], reference: Combination, margin: float
) -> str:
    """The comparisons as a table for a terminal, with what its words mean."""
    table, metric = section.table, section.table.headline_name
    heads = [table.compared, "loss", "seeds", f"Δ{metric}", "95 % interval", "verdict"]
    cells = [
        [*c.combination, str(len(c.seeds)), *_figures(c.difference, table.places), _said(c)]
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
            f"Δ{metric}: test {metric} minus that of {name(reference)}, mean of differences "
            "paired by seed, with Student's interval."
        ),
        (
            f"better: the interval lies above 0. no worse: above −{margin:g}, the margin. worse: "
            "below 0, and not within the margin. undecided: none of these."
        ),
        *_no_evidence(comparisons, reference),
        (
            f"{len(comparisons)} comparison{'s' if len(comparisons) != 1 else ''}, each at 95 %. "
            "The intervals speak of seeds, on this test split."
        ),
        *_warnings(section),
    ]
    return "\n".join(
        [text, "", *(textwrap.fill(note, WIDTH, subsequent_indent="  ") for note in notes)]
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


def as_dict(section: Section, comparison: Comparison) -> dict[str, object]:
    """A comparison as a flat dict for JSON; unknown numbers are null."""
    mean, low, high = comparison.difference or (None, None, None)
    compared, loss = comparison.combination
    return {
        section.table.compared: compared,
        "loss": loss,
        "seeds": list(comparison.seeds),
        "metric": section.table.headline,
        "difference": mean,
        "difference_lo": low,
        "difference_hi": high,
        "verdict": comparison.verdict,
        "no_evidence": [reason.name for reason in comparison.no_evidence],
        "reference_no_evidence": [reason.name for reason in comparison.reference_no_evidence],
    }


def _scores(runs: Sequence[Run]) -> dict[int, float]:
    """By seed, of finished runs."""
    return {run.record.spec.seed: run.record.test[run.table.headline] for run in runs if run.done}


def _comparison(
    row: Combination, runs: Sequence[Run], base: Sequence[Run], margin: float
) -> Comparison:
    ours, theirs = _scores(runs), _scores(base)
    seeds = tuple(sorted(ours.keys() & theirs.keys()))
    difference = t_interval([ours[seed] - theirs[seed] for seed in seeds]) if seeds else None
    reasons = no_evidence(runs), no_evidence(base)
    return Comparison(
        row, seeds, difference, _verdict(difference, margin, sound=not any(reasons)), *reasons
    )


def _verdict(difference: Interval | None, margin: float, *, sound: bool) -> Verdict:
    if difference is None:
        return "no common seed"
    if not sound:
        return "no evidence"
    if difference.low is None or difference.high is None:
        return "one seed"
    if difference.low > 0:
        return "better"
    if difference.low > -margin:
        return "no worse"
    return "worse" if difference.high < 0 else "undecided"


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


def _figures(difference: Interval | None, places: int) -> tuple[str, str]:
    if difference is None:
        return "–", "–"
    interval = (
        "–"
        if difference.low is None
        else f"{difference.low:+.{places}f} … {difference.high:+.{places}f}"
    )
    return f"{difference.mean:+.{places}f}", interval
