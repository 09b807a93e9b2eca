"""A verification as text for a terminal, or as JSON."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Literal, get_args

from vsebench.plugin.errors import SpecError, did_you_mean
from vsebench.report.listing import filled, tabled
from vsebench.report.statistics.seed_spread import stored
from vsebench.report.wording import percent
from vsebench.text import as_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vsebench.report.verification.matching import Reference
    from vsebench.report.verification.verify import (
        Comparison,
        Outcome,
        RowName,
        Uncompared,
        Verification,
    )

Format = Literal["table", "json"]
SCHEMA = 2

_OUTCOMES: dict[Outcome, str] = {
    "reproduced": "REPRODUCED.",
    "not reproduced": "NOT REPRODUCED.",
    "too few seeds": "TOO FEW SEEDS to tell: one run decides nothing, make at least 3.",
    "no evidence": "NO EVIDENCE, whatever its gaps.",
}


def render(found: Verification, form: str, width: int) -> str:
    """The verification as text, without a last line end.

    Args:
        found: what to show.
        form: `table` or `json`.
        width: columns of the terminal; only `table` heeds it.

    Raises:
        SpecError: there is no such format.
    """
    if form not in get_args(Format):
        raise SpecError(f"unknown format '{form}': {did_you_mean(form, get_args(Format))}")
    return as_json(_as_dict(found)) if form == "json" else _terminal(found, width)


def _terminal(found: Verification, width: int) -> str:
    parts = ["\n".join(_comparison(comparison, width)) for comparison in found.compared]
    if found.uncompared:
        rows = (line for row in found.uncompared for line in _uncompared(row, width))
        parts.append("\n".join(["No published figure for this setting:", *rows]))
    return "\n\n".join([*parts, "\n".join(filled(note, width) for note in _notes(found))])


def _comparison(comparison: Comparison, width: int) -> Iterator[str]:
    figures = comparison.figures
    rows = [
        ["published", *(f"{figure.published:.1f}" for figure in figures)],
        ["ours", *(f"{figure.ours:.1f}" for figure in figures)],
        ["gap", *(f"{figure.gap:+.2f}" for figure in figures)],
        ["limit", *(f"±{figure.limit:.2f}" for figure in figures)],
    ]
    heads = ["", *(figure.head for figure in figures)]
    yield filled(_row(comparison.row), width)
    yield filled(f"published: {_reference(comparison.reference)}", width)
    yield from (
        "",
        tabled(heads, rows, "l" + "r" * len(figures)),
        "",
    )
    why = ", ".join(reason.name for reason in comparison.no_evidence)
    because = f" The row is {why}." if why else ""
    yield filled(_OUTCOMES[comparison.outcome] + because + _outside(comparison), width)
    yield from (filled(f"Mind: {remark}", width) for remark in comparison.remarks)


def _outside(comparison: Comparison) -> str:
    heads = [figure.head for figure in comparison.figures if not figure.within]
    return f" Outside: {', '.join(heads)}." if heads else ""


def _uncompared(row: Uncompared, width: int) -> Iterator[str]:
    yield filled(f"* {_row(row.row)}", width)
    yield filled(f"    differs in {', '.join(map(str, row.differences))}", width, " " * 6)
    yield filled(f"    from the nearest: {_reference(row.nearest)}", width, " " * 6)


def _notes(found: Verification) -> Iterator[str]:
    if found.compared:
        yield (
            "limit: how far, up or down, a sound reproduction may lie from a published figure, "
            f"which is one run; all limits of a row hold together with {percent(found.level)}. "
            f"Spread over seeds from {stored().source}. ours: mean over seeds."
        )
    if found.unfinished:
        yield f"Not finished, so not counted: {'; '.join(found.unfinished)}."
    without = f"; {len(found.uncompared)} without a published figure" if found.uncompared else ""
    if found.compared:
        outcomes = Counter(comparison.outcome for comparison in found.compared)
        named = [each for each in _OUTCOMES if each != "no evidence" or outcomes[each]]
        counts = ", ".join(f"{outcomes[outcome]} {outcome}" for outcome in named)
        yield f"{found.name}: {counts}{without}."
    else:
        yield f"{found.name}: nothing compared{without}. This verifies nothing."


def _row(row: RowName) -> str:
    return (
        f"{row.dataset} · {row.pooling} × {row.loss} · seed{'s' * (len(row.seeds) > 1)} "
        f"{', '.join(map(str, row.seeds))}"
    )


def _reference(reference: Reference) -> str:
    return f"{reference.setting} ({reference.source})"


def _as_dict(found: Verification) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "name": found.name,
        "verdict": found.verdict,
        "level": found.level,
        "compared": [
            {
                **asdict(comparison.row),
                "outcome": comparison.outcome,
                "no_evidence": [reason.name for reason in comparison.no_evidence],
                "published": asdict(comparison.reference),
                "figures": {
                    figure.metric: {**asdict(figure), "gap": figure.gap, "within": figure.within}
                    for figure in comparison.figures
                },
                "remarks": list(comparison.remarks),
            }
            for comparison in found.compared
        ],
        "uncompared": [
            {
                **asdict(row.row),
                "nearest": asdict(row.nearest),
                "differences": [difference._asdict() for difference in row.differences],
            }
            for row in found.uncompared
        ],
        "unfinished": list(found.unfinished),
    }
