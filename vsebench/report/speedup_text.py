"""Speed tables as text and as flat dicts."""

from __future__ import annotations

import math
import textwrap
from typing import TYPE_CHECKING

from tabulate import tabulate

from vsebench.report.convergence import SHARE, UNITS
from vsebench.report.evidence_notes import evidence_notes
from vsebench.report.formats import WIDTH
from vsebench.report.made_with import comparable_note, machine_note
from vsebench.report.speedup import least_seeds
from vsebench.report.wording import counted, name, percent, spelled

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vsebench.report.convergence import MeanArrival, Unit
    from vsebench.report.speedup import Ratio, SpeedRow, SpeedTable, To

ABSENT = "–"


def render(table: SpeedTable, form: str = "simple") -> str:
    """Three tables for a terminal or for Markdown: when rows arrive, how much faster than the
    baseline, and where the seconds went.

    Args:
        table: the rows.
        form: table format of tabulate: `simple` or `pipe`.
    """
    parts = [f"{table.section.dataset} · dev · baseline {name(table.target.baseline)}"]
    parts += [_tabled(grid, form) for grid in (_arrivals(table), _faster(table), _split(table))]
    bullet = "- " if form == "pipe" else ""
    parts.append(
        "\n".join(
            textwrap.fill(bullet + note, WIDTH, subsequent_indent="  ", break_on_hyphens=False)
            for note in notes(table)
        )
    )
    return "\n\n".join(parts)


def as_dicts(table: SpeedTable) -> list[dict[str, object]]:
    """One flat dict per row for JSON; unknown numbers and open ends are null, and what is known
    only as a bound says so.
    """
    return [
        {
            "dataset": table.section.dataset,
            table.section.task.compared: row.combination[0],
            "loss": row.combination[1],
            "tuned": dict(row.tuned),
            "baseline": ",".join(table.target.baseline),
            "target": table.target.quality,
            "seeds": row.seeds,
            "failed_seeds": row.failed,
            "no_evidence": [reason.name for reason in row.no_evidence],
            **dict(_arrival_items(row.target, "target")),
            **dict(_arrival_items(row.own, "own")),
            **{f"{part}_seconds": seconds for part, seconds in row.parts.items()},
        }
        for row in table.rows
    ]


def notes(table: SpeedTable) -> list[str]:
    """What the figures are, and what to mind."""
    headline, share = table.section.task.headline, percent(SHARE)
    quality = (
        "none: it has no finished run"
        if table.target.quality is None
        else f"dev {headline.heading} {headline.text(table.target.quality)}"
    )
    found = [
        (
            f"Target: {quality}, {share} of the best of {name(table.target.baseline)} (mean over "
            f"seeds). Own best: {share} of each run's own."
        ),
        *_legend(table.level),
    ]
    at_once = [name(row.combination) for row in table.rows if row.target.at_once or row.own.at_once]
    if at_once:
        found.append(
            f"Warning: runs of {'; '.join(at_once)} arrived by their first evaluation, so that "
            "ratios are coarse: raise evals_per_epoch."
        )
    if failed := counted(run for run in table.section.runs if not run.done):
        found.append(f"Warning: failed runs are in no figure: {failed}.")
    found += evidence_notes(table.section)
    keys = next((row.tuned for row in table.rows if row.tuned), {})
    if keys:
        found.append(f"Tuned for each row: {', '.join(keys)}.")
    done = [run for run in table.section.runs if run.done]
    return [*found, *(note for note in (machine_note(done), comparable_note(done)) if note)]


def _legend(level: float) -> tuple[str, ...]:
    return (
        (
            "Times: means over seeds, until the first evaluation there. '> x (n of m)': only n of "
            "m seeds arrived; x counts the others as if at their end."
        ),
        (
            "×: the baseline's time over the row's, in pairs of one seed: geometric mean with "
            f"Student's {percent(level)} interval of the logarithms."
        ),
        (
            "A run arrives between two evaluations: intervals take the smallest and the largest "
            "ratio that this leaves, 0 or ∞ where one arrived by its first."
        ),
        (
            "(m): a run never arrived, so that its ratio is only bounded: median over seeds, with "
            f"the interval of order statistics, which needs {spelled(least_seeds(level))} seeds."
        ),
        "'> x', '< x', '?': the median itself is only bounded on one side, or not at all.",
        "Seconds: training without evaluation, which has a column of its own.",
    )


def _tabled(grid: tuple[list[str], list[list[str]]], form: str) -> str:
    heads, cells = grid
    return tabulate(
        cells,
        heads,
        tablefmt=form,
        colalign=("left", "left", *["right"] * (len(heads) - 2)),
        disable_numparse=True,
    )


def _arrivals(table: SpeedTable) -> tuple[list[str], list[list[str]]]:
    tuned = next((list(row.tuned) for row in table.rows if row.tuned), [])
    heads = [
        table.section.task.compared,
        "loss",
        *tuned,
        "seeds",
        "updates to target",
        "s to target",
        "updates to own best",
        "s to own best",
    ]
    cells = [
        [
            *_names(row),
            *(f"{row.tuned.get(key, ABSENT)}" for key in tuned),
            str(row.seeds),
            *(_mean(to.mean, unit) for to in (row.target, row.own) for unit in UNITS),
        ]
        for row in table.rows
    ]
    return heads, cells


def _faster(table: SpeedTable) -> tuple[list[str], list[list[str]]]:
    heads = [
        table.section.task.compared,
        "loss",
        "pairs",
        "× to target, updates",
        "× to target, s",
        "× to own best, updates",
        "× to own best, s",
    ]
    cells = []
    for row in table.rows:
        pairs = row.own.faster["updates"]
        ratios = [_ratio(to.faster[unit]) for to in (row.target, row.own) for unit in UNITS]
        cells.append(
            [
                *_names(row),
                str(pairs.pairs if pairs else 0),
                *(["1"] * 4 if row.combination == table.target.baseline else ratios),
            ]
        )
    return heads, cells


def _split(table: SpeedTable) -> tuple[list[str], list[list[str]]]:
    parts = next((list(row.parts) for row in table.rows if row.parts), [])
    heads = [table.section.task.compared, "loss", *(f"{part}, s" for part in parts), "all, s"]
    cells = []
    for row in table.rows:
        whole = sum(row.parts.values()) if row.parts else None
        cells.append(
            [*_names(row), *(_amount(row.parts.get(part)) for part in parts), _amount(whole)]
        )
    return heads, cells


def _names(row: SpeedRow) -> tuple[str, str]:
    """Its components, and why it is no evidence."""
    compared, loss = row.combination
    return compared, " ".join([loss, *(reason.mark for reason in row.no_evidence)])


def _mean(mean: MeanArrival | None, unit: Unit) -> str:
    if mean is None:
        return ABSENT
    value = _amount(mean.value(unit))
    return value if mean.arrived == mean.runs else f"> {value} ({mean.arrived} of {mean.runs})"


def _ratio(ratio: Ratio | None) -> str:
    if ratio is None:
        return ABSENT
    mark = " (m)" if ratio.statistic == "median" else ""
    interval = (
        ""
        if ratio.interval is None
        else f" [{_factor(ratio.interval[0])}, {_factor(ratio.interval[1])}]"
    )
    return f"{_point(ratio)}{mark}{interval}"


def _point(ratio: Ratio) -> str:
    if ratio.low == ratio.high:
        return _factor(ratio.low)
    if ratio.low == 0 and ratio.high == math.inf:
        return "?"
    if ratio.high == math.inf:
        return f"> {_factor(ratio.low)}"
    return (
        f"< {_factor(ratio.high)}"
        if ratio.low == 0
        else f"{_factor(ratio.low)} … {_factor(ratio.high)}"
    )


def _factor(value: float) -> str:
    return "∞" if value == math.inf else f"{value:.3g}"


def _amount(value: float | None) -> str:
    if value is None:
        return ABSENT
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _arrival_items(to: To, place: str) -> Iterator[tuple[str, object]]:
    """What JSON says of one destination."""
    mean = to.mean
    for unit in UNITS:
        yield f"{unit}_to_{place}", None if mean is None else mean.value(unit)
    yield f"arrived_{place}", None if mean is None else mean.arrived
    for unit in UNITS:
        ratio = to.faster[unit]
        for key in ("statistic", "pairs", "known"):
            yield f"faster_{unit}_to_{place}_{key}", None if ratio is None else getattr(ratio, key)
        ends = (
            (None, None, None, None)
            if ratio is None
            else (ratio.low, ratio.high, *(ratio.interval or (None, None)))
        )
        for key, value in zip(("low", "high", "interval_lo", "interval_hi"), ends, strict=True):
            yield (
                f"faster_{unit}_to_{place}_{key}",
                None if value is None or value == math.inf else value,
            )


def to_markdown(tables: Sequence[SpeedTable]) -> str:
    """Every table in Markdown."""
    return "\n\n".join("### " + render(table, "pipe") for table in tables)
