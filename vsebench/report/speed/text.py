"""Speed tables as text and as flat dicts."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from vsebench.report.listing import listing, tabled
from vsebench.report.rows.progress import SHARE
from vsebench.report.rows.variants import TUNED
from vsebench.report.speed.speedup import OVER
from vsebench.report.tables.evidence_notes import evidence_notes
from vsebench.report.tables.formats import WIDTH
from vsebench.report.tables.made_with import comparable_note, machine_note, untuned_note
from vsebench.report.wording import counted, name, percent

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vsebench.report.speed.speedup import Area, Over, Sooner, SpeedRow, SpeedTable

ABSENT = "–"

Grid = tuple[list[str], list[list[str]]]


def render(table: SpeedTable, form: str = "simple", width: int = WIDTH) -> str:
    """Tables for a terminal or for Markdown: quality while the baseline trains, how much sooner
    rows arrive, and where the seconds went.

    Args:
        table: the rows.
        form: table format of tabulate: `simple` or `pipe`.
        width: columns of the terminal, which `pipe` does not heed.
    """
    parts = [f"{table.section.dataset} · dev · baseline {name(table.target.baseline)}"]
    grids = [_areas(table), *(_sooner(table, over) for over in OVER), _split(table)]
    parts += [_tabled(grid, form, width) for grid in grids]
    bullet = "- " if form == "pipe" else ""
    parts.append(
        "\n".join(
            textwrap.fill(bullet + note, width, subsequent_indent="  ", break_on_hyphens=False)
            for note in notes(table)
        )
    )
    return "\n\n".join(parts)


def as_dicts(table: SpeedTable) -> list[dict[str, object]]:
    """One flat dict per row for JSON; unknown numbers are null."""
    return [
        {
            "dataset": table.section.dataset,
            table.section.task.compared: row.combination[0],
            "loss": row.combination[1],
            "tuned": dict(row.tuned),
            "baseline": ",".join(table.target.baseline),
            "target": table.target.quality,
            "target_fixed": table.fixed,
            "cpu_seconds": table.cpu,
            "seeds": row.seeds,
            "failed_seeds": row.failed,
            "no_evidence": [reason.name for reason in row.no_evidence],
            "arrived": row.arrived,
            "arrived_after_cut": row.after_cut,
            **dict(_items(table, row)),
            **{f"{part}_seconds": seconds for part, seconds in row.parts.items()},
        }
        for row in table.rows
    ]


def _items(table: SpeedTable, row: SpeedRow) -> Iterator[tuple[str, object]]:
    for over in OVER:
        area = row.area[over]
        difference = None if area is None else area.difference
        yield f"area_{over}", None if area is None else area.mean
        for i, key in enumerate(("", "_lo", "_hi")):
            yield f"area_{over}_difference{key}", None if difference is None else difference[i]
        places = {f"{share:g}": row.sooner[over][share] for share in table.shares}
        for place, found in {**places, "own": row.own[over]}.items():
            for key in ("times", "low", "high", "pairs", "arrived", "base_arrived", "coarse"):
                value = None if found is None else getattr(found, key)
                yield f"sooner_{over}_{place}_{key}", value


def notes(table: SpeedTable) -> list[str]:
    """What the figures are, and what to mind."""
    found = list(_legend(table))
    late = [
        f"{name(row.combination)} ({row.after_cut} of {row.arrived})"
        for row in table.rows
        if row.after_cut and 2 * row.after_cut > row.arrived
    ]
    if late:
        found.append(
            "Warning: arrivals time the schedule, not the method: most runs arrive at the first "
            f"evaluation after a cut of the learning rate: {'; '.join(late)}. Compare areas, or "
            "train at a constant rate."
        )
    if failed := counted(run for run in table.section.runs if not run.done):
        found.append(f"Warning: failed runs are in no figure: {failed}.")
    found += evidence_notes(table.section)
    if tuned := table.section.tuned:
        others = untuned_note(table.section)
        found.append(
            f"Tuned for each row{f' that is marked{TUNED}' if others else ''}: {', '.join(tuned)}"
            f"{others}."
        )
    done = [run for run in table.section.runs if run.done]
    return [*found, *(note for note in (machine_note(done), comparable_note(done)) if note)]


def _legend(table: SpeedTable) -> Iterator[str]:
    headline, share = table.section.task.headline, percent(SHARE)
    base, level = name(table.target.baseline), percent(table.level)
    yield (
        f"Area: mean dev {headline.heading} while {base} trains, with the paired difference to it "
        f"and its {level} interval; after its last evaluation a row keeps its quality."
    )
    if table.target.quality is None:
        yield f"Target: none, {base} has no finished run."
    elif table.fixed:
        yield f"Target: dev {headline.heading} {headline.text(table.target.quality)}, as asked."
    else:
        best = headline.text(table.target.quality / SHARE)
        yield f"Targets: shares of the best of {base}, dev {headline.heading} {best}."
    yield (
        "× sooner: the baseline's time over the row's, in pairs of one seed: geometric mean with "
        f"Student's {level} interval of the logarithms. Arrivals are of the best so far, read "
        "between evaluations."
    )
    rows = table.rows
    if any(_missed(each) for row in rows for over in OVER for each in row.sooner[over].values()):
        yield (
            "(n of m): only n of m runs arrived; others, and the baseline's, count as if at their "
            "end, or with the other run of their pair if that is later."
        )
    if any(_rough(row, over) for row in rows for over in OVER):
        yield ("~: evaluations lie further apart than the interval reaches: raise evals_per_epoch.")
    yield (
        f"own {share}: to {share} of each run's own best, the baseline's to its own; only where "
        "both rows have converged."
    )
    if table.cpu:
        yield "Seconds: CPU seconds of training, with what a method needs first."
    else:
        yield (
            "Seconds: wall seconds of training, with what a method needs first; other load "
            "lengthens them."
        )


def _missed(found: Sooner | None) -> bool:
    return found is not None and min(found.arrived, found.base_arrived) < found.pairs


def _rough(row: SpeedRow, over: Over) -> bool:
    found = [*row.sooner[over].values(), row.own[over]]
    return any(each is not None and each.coarse for each in found)


def _tabled(grid: Grid, form: str, width: int) -> str:
    heads, cells = grid
    if form == "simple":
        return listing(heads, cells, rights=range(2, len(heads)), width=width)
    return tabled(heads, cells, "ll" + "r" * (len(heads) - 2), form)


def _areas(table: SpeedTable) -> Grid:
    heads = [table.section.task.compared, "loss", "seeds"]
    for over in OVER:
        heads += [f"area, {_unit(table, over)}", "Δ"]
    cells = [
        [
            *_names(row),
            str(row.seeds),
            *(text for over in OVER for text in _area(table, row.area[over])),
        ]
        for row in table.rows
    ]
    return heads, cells


def _area(table: SpeedTable, area: Area | None) -> tuple[str, str]:
    headline = table.section.task.headline
    if area is None:
        return ABSENT, ABSENT
    mean = headline.text(area.mean)
    if area.difference is None:
        return mean, ABSENT
    difference, low, high = area.difference
    half = "" if low is None or high is None else f" ±{headline.text((high - low) / 2)}"
    return mean, f"{headline.text(difference, '+')}{half}"


def _sooner(table: SpeedTable, over: Over) -> Grid:
    shares = ["target"] if table.fixed else [percent(share) for share in table.shares]
    heads = [
        f"× sooner, {_unit(table, over)}",
        "loss",
        *shares,
        f"own {percent(SHARE)}",
    ]
    cells = []
    for row in table.rows:
        ratios = [
            _ratio(row.sooner[over][share], whole=share in (SHARE, 1.0)) for share in table.shares
        ]
        ratios.append(_ratio(row.own[over], whole=True))
        is_base = row.combination == table.target.baseline
        cells.append([*_names(row), *(["1"] * len(ratios) if is_base else ratios)])
    return heads, cells


def _unit(table: SpeedTable, over: Over) -> str:
    if over == "updates":
        return table.section.task.step
    return "CPU s" if table.cpu else "s"


def _split(table: SpeedTable) -> Grid:
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


def _ratio(found: Sooner | None, *, whole: bool) -> str:
    """The ratio; with its interval where it is to be `whole`."""
    if found is None:
        return ABSENT
    if found.arrived == 0:
        return "never"
    mark = "~" if found.coarse else ""
    interval = f" [{found.low:.3g}, {found.high:.3g}]" if whole and found.low is not None else ""
    ours = f" ({found.arrived} of {found.pairs})" if found.arrived < found.pairs else ""
    return f"{mark}{found.times:.3g}{interval}{ours}"


def _amount(value: float | None) -> str:
    if value is None:
        return ABSENT
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def to_markdown(tables: Sequence[SpeedTable]) -> str:
    """Every table in Markdown."""
    return "\n\n".join("### " + render(table, "pipe") for table in tables)
