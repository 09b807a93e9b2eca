"""What a gate found, in words and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vsebench.gate.sequential import ERROR
from vsebench.report.listing import tabled

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from vsebench.gate.gate import Found
    from vsebench.gate.judge import Judged
    from vsebench.gate.sequential import Design
    from vsebench.plugin.metrics import Metric


def report(found: Found, against: Path) -> str:
    """What was compared, what changed, and what new runs say."""
    parts = [_compared(found, against)]
    if found.replaced:
        parts.append(
            f"No fingerprint covers {', '.join(found.replaced)}: it takes procedural data and "
            "encoders from scratch."
        )
    if found.design is not None:
        parts.append(judged_text(found.judged, found.design, found.metric))
    return "\n\n".join(parts)


def _compared(found: Found, against: Path) -> str:
    rows = len(found.now.rows)
    if not found.comparable:
        return (
            f"{against} has no fingerprint of this machine ({found.now.machine.text}): numbers "
            "cannot be compared."
        )
    if not found.changes:
        said = "The row gives" if rows == 1 else f"All {rows} rows give"
        return f"{said} the same losses and ranks as {against} says: nothing changed."
    return changes_text(found.changes, rows, found.common)


def changes_text(changes: Mapping[str, str], rows: int, common: Sequence[str]) -> str:
    """Which rows' numbers changed, and since when."""
    lines = [f"{len(changes)} of {rows} rows differ:"]
    lines += [f"  {row}: {change}" for row, change in changes.items()]
    if common:
        lines.append(f"Every row with {' or '.join(common)} changed, and none without.")
    elif len(changes) == rows > 1:
        lines.append("Every row changed: look at what they share.")
    return "\n".join(lines)


def judged_text(judged: Sequence[Judged], design: Design, metric: Metric) -> str:
    """A table of rows, with what the words mean."""
    heads = ("row", "reference", "now", "runs", "difference", "interval", "verdict")
    table = tabled(heads, [_cells(each, metric) for each in judged], "l" * len(heads))
    margin = judged[0].margin
    power = min(
        design.power(each.margin / each.reference.deviation, each.margin / each.reference.deviation)
        for each in judged
    )
    failures = [f"{each.row}: {each.error}" for each in judged if each.error]
    looks = ", ".join(str(runs) for runs in design.runs)
    note = (
        f"{metric.name} of {looks} runs at most, against {design.reference} reference runs. worse: "
        f"the interval lies below 0; no worse: it lies above −{margin:g}. False alarms over all "
        f"looks and rows: at most 1 %; a loss of {margin:g} in one row is found with "
        f"{100 * power:.0f} %."
    )
    return "\n\n".join(part for part in (table, "\n".join(failures), note) if part)


def _cells(each: Judged, metric: Metric) -> tuple[str, ...]:
    reference = f"{metric.text(each.reference.mean)} (SD {metric.text(each.reference.deviation)})"
    if not each.values:
        return each.row, reference, "–", "0", "–", "–", each.verdict
    low, high = each.difference - each.half_width, each.difference + each.half_width
    return (
        each.row,
        reference,
        metric.text(each.reference.mean + each.difference),
        str(len(each.values)),
        metric.text(each.difference, "+"),
        f"{metric.text(low, '+')} … {metric.text(high, '+')}",
        each.verdict,
    )


def failure_text(found: Found) -> str:
    """Why a gate did not pass, in one line."""
    metric = found.metric
    reasons = [f"{row} fails: {error}" for row, error in found.broken.items()]
    reasons += [
        f"{each.row} fails: {each.error}"
        if each.error
        else f"{each.row} is worse by {metric.text(-each.difference)} {metric.name} "
        f"({metric.text(each.difference - each.half_width, '+')} … "
        f"{metric.text(each.difference + each.half_width, '+')})"
        for each in found.judged
        if not each.passed
    ]
    if found.unjudged:
        what = "changed" if found.comparable else "cannot be compared"
        reasons.append(
            f"{', '.join(found.unjudged)} {what}, and the baseline has no reference runs to judge "
            "by: write it anew, in a commit that says so"
        )
    return "; ".join(reasons)


def as_dict(found: Found) -> dict[str, Any]:
    """As `--format json` prints it."""
    return {
        "schema": 1,
        "outcome": found.outcome,
        "machine": found.now.machine.model_dump(),
        "comparable": found.comparable,
        "rows": list(found.now.rows),
        "changed": found.changes,
        "in_common": found.common,
        "broken": found.broken,
        "unjudged": found.unjudged,
        "not_covered": found.replaced,
        "judged": [_judged_dict(each) for each in found.judged],
    }


def _judged_dict(each: Judged) -> dict[str, Any]:
    known = bool(each.values)
    return {
        "row": each.row,
        "reference_mean": each.reference.mean,
        "reference_sd": each.reference.deviation,
        "reference_runs": len(each.reference.values),
        "runs": len(each.values),
        "difference": each.difference if known else None,
        "difference_lo": each.difference - each.half_width if known else None,
        "difference_hi": each.difference + each.half_width if known else None,
        "margin": each.margin,
        "error": ERROR,
        "verdict": each.verdict,
        "failure": each.error or None,
    }
