"""A verification as text for a terminal, or as JSON."""

from __future__ import annotations

import json
import textwrap
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Literal, get_args

from tabulate import tabulate

from vsebench.plugin.errors import SpecError, did_you_mean
from vsebench.report.wording import percent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vsebench.report.matching import Reference
    from vsebench.report.verification import Comparison, Figure, RowName, Uncompared, Verification

Format = Literal["table", "json"]
SCHEMA = 1


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
    return (
        json.dumps(_as_dict(found), indent=1, ensure_ascii=False, allow_nan=False)
        if form == "json"
        else _terminal(found, width)
    )


def _terminal(found: Verification, width: int) -> str:
    parts = ["\n".join(_comparison(comparison, width)) for comparison in found.compared]
    if found.uncompared:
        rows = (line for row in found.uncompared for line in _uncompared(row, width))
        parts.append("\n".join(["No published figure for this setting:", *rows]))
    return "\n\n".join([*parts, "\n".join(_filled(note, width) for note in _notes(found))])


def _comparison(comparison: Comparison, width: int) -> Iterator[str]:
    figures = comparison.figures
    rows = [
        ["published", *(f"{figure.published:.1f}" for figure in figures)],
        ["ours", *(f"{figure.ours:.1f}" for figure in figures)],
        [
            "±",
            *(
                "–" if figure.half_width is None else f"{figure.half_width:.1f}"
                for figure in figures
            ),
        ],
        ["gap", *(f"{figure.gap:+.2f}" for figure in figures)],
        ["allowed", *(f"{figure.tolerance:g}" for figure in figures)],
    ]
    heads = ["", *(figure.head for figure in figures)]
    yield _filled(_row(comparison.row), width)
    yield _filled(f"published: {_reference(comparison.reference)}", width)
    yield from (
        "",
        tabulate(
            rows,
            heads,
            tablefmt="simple",
            colalign=["left", *["right"] * len(figures)],
            disable_numparse=True,
        ),
        "",
    )
    outside = [figure.head for figure in figures if not figure.within]
    yield _filled(
        f"OUTSIDE TOLERANCE: {', '.join(outside)}." if outside else "Within tolerance.", width
    )
    undecided = [figure.head for figure in figures if figure.undecided]
    if undecided:
        yield _filled(
            f"More seeds might turn the verdict on {', '.join(undecided)}: the interval of our "
            "mean reaches across the tolerance.",
            width,
        )
    yield from (_filled(f"Mind: {remark}", width) for remark in comparison.remarks)


def _uncompared(row: Uncompared, width: int) -> Iterator[str]:
    yield _filled(f"* {_row(row.row)}", width)
    yield _filled(f"    differs in {', '.join(map(str, row.differences))}", width, 6)
    yield _filled(f"    from the nearest: {_reference(row.nearest)}", width, 6)


def _notes(found: Verification) -> Iterator[str]:
    tolerance = found.tolerance
    if found.compared:
        yield (
            f"Tolerance: {tolerance.recall:g} points of a recall and {tolerance.rsum:g} of RSUM, "
            "up or down: a published figure is one run, and seeds differ. ours: mean over seeds; "
            f"±: half-width of the {percent(found.level)} t-interval of the mean."
        )
    if found.unfinished:
        yield f"Not finished, so not counted: {'; '.join(found.unfinished)}."
    inside = sum(comparison.within for comparison in found.compared)
    without = f"; {len(found.uncompared)} without a published figure" if found.uncompared else ""
    if found.compared:
        yield f"{found.name}: {inside} of {len(found.compared)} compared within tolerance{without}."
    else:
        yield f"{found.name}: nothing compared{without}. This verifies nothing."


def _row(row: RowName) -> str:
    return (
        f"{row.dataset} · {row.pooling} × {row.loss} · seed{'s' * (len(row.seeds) > 1)} "
        f"{', '.join(map(str, row.seeds))}"
    )


def _reference(reference: Reference) -> str:
    return f"{reference.setting} ({reference.source})"


def _filled(text: str, width: int, indent: int = 2) -> str:
    return textwrap.fill(
        text, width, subsequent_indent=" " * indent, break_long_words=False, break_on_hyphens=False
    )


def _as_dict(found: Verification) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "name": found.name,
        "verdict": found.verdict,
        "tolerance": asdict(found.tolerance),
        "level": found.level,
        "compared": [
            {
                **asdict(comparison.row),
                "within": comparison.within,
                "published": asdict(comparison.reference),
                "figures": {figure.metric: _figure(figure) for figure in comparison.figures},
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


def _figure(figure: Figure) -> dict[str, Any]:
    return {
        **asdict(figure),
        "gap": figure.gap,
        "within": figure.within,
        "undecided": figure.undecided,
    }
