"""What stands under a table: what each figure is, and what went wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vsebench.plugin.metrics import FOLD
from vsebench.report.rows.external import external_note
from vsebench.report.rows.progress import SHARE
from vsebench.report.statistics.ties import ties
from vsebench.report.tables.evidence_notes import evidence_notes
from vsebench.report.tables.made_with import (
    comparable_note,
    machine_note,
    protocol_note,
    software_note,
)
from vsebench.report.wording import count, distinct, listed, name, percent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vsebench.report.page.table import Table
    from vsebench.report.rows.combinations import Block, Entry
    from vsebench.report.rows.runs import Run
    from vsebench.report.rows.sections import Section
    from vsebench.report.tables.layout import Grid
    from vsebench.results.spec import AnySpec

_ERROR_LENGTH = 160


def block_notes(block: Block) -> list[str]:
    """What is particular to one block, each note a sentence or two."""
    return [*figure_notes(block), *alarms(block)]


def figure_notes(block: Block) -> list[str]:
    """What the figures of a block are, and how they were made."""
    done = [run for run in block.section.runs if run.done]
    notes = [
        _seeds(block),
        *legend(block),
        protocol_note(block),
        machine_note(done),
        software_note(done),
    ]
    return [note for note in notes if note]


def best_note(table: Grid | Table, level: float) -> str:
    """What bold figures are; empty where there are none."""
    if not table.best:
        return ""
    return (
        "Bold: the best of a column and what is indistinguishable from it, by paired "
        "differences, at "
        f"{percent(1 - level)} by Holm over the column's pairs."
    )


def legend(block: Block) -> list[str]:
    """What the figures of a block are, beside what those of its task are."""
    untold = _ties(block)
    return [
        _spread(block),
        *([untold] if untold else []),
        _target(block),
        *_schedule(block),
        *_own_seconds(block),
        *_measured(block),
        *([external_note(block.external)] if block.external else []),
    ]


def alarms(block: Block) -> list[str]:
    """What went wrong in a block, and what forbids to compare its rows; without what `_seeds` warns
    of.
    """
    runs = block.section.runs
    done = [run for run in runs if run.done]
    comparable = comparable_note(done)
    notes = [
        *([comparable] if comparable else []),
        *_mixed(block),
        *evidence_notes(block.section),
        *_studies(block.section),
        *_edges(block.section),
    ]
    notes += [
        f"Data: {warning}"
        for warning in distinct(warning for run in runs for warning in run.record.warnings)
    ]
    notes += [
        f"Warning: plugin {failure}."
        for failure in distinct(failure for run in runs for failure in run.record.plugin_failures)
    ]
    return [*notes, *(_failure(run) for run in runs if not run.done)]


def general_notes(blocks: Sequence[Block]) -> list[str]:
    """What the figures of the tasks among these blocks are."""
    tasks = {block.section.task.name: block.section.task for block in blocks}
    return [note for task in tasks.values() for note in task.notes]


def copies_note(copies: Sequence[tuple[str, str]]) -> str:
    """Says which directories are copies of others."""
    named = [f"{copy} (of {original})" for copy, original in copies]
    return f"Copies of runs, counted once: {_first(named)}."


def unfinished_note(unfinished: Sequence[AnySpec]) -> str:
    """Says which runs have no record yet."""
    return f"Unfinished, not in the table: {_first([spec.label for spec in unfinished])}."


def _first(names: Sequence[str], most: int = 3) -> str:
    """The first of some names, and how many more there are."""
    more = f"; and {len(names) - most} more" if len(names) > most else ""
    return "; ".join(names[:most]) + more


def _spread(block: Block) -> str:
    several = [entry for entry in block.entries if entry.count("seeds") > 1]
    if not several:
        return "One seed per row: differences may be chance."
    mean = f"Figures are means over seeds; ±: half-width of the {percent(block.level)}"
    if not any(entry.images for entry in several):
        return f"{mean} t-interval of the mean over other seeds, on these test images."
    note = f"{mean} interval of the mean over other seeds and other test images; seeds alone: JSON."
    alone = [_named(block, entry) for entry in several if not entry.images]
    return f"{note} Over seeds alone: {'; '.join(alone)}." if alone else note


def _ties(block: Block) -> str:
    """Which rows are as good as the best for all that is known; empty where too few can be told."""
    found = ties(block.section, block.level)
    if found is None:
        return ""
    over = "seeds and images" if found.images else "seeds"
    how = (
        f"by paired differences over {over}, at {percent(1 - block.level)} by Holm over "
        f"{count(found.pairs, 'pair')}"
    )
    if not found.untold:
        return (
            f"Distinguishable from the best, {name(found.best)}: every row that is evidence, {how}."
        )
    if not found.told:
        return (
            f"No row that is evidence is distinguishable from the best, {name(found.best)}, {how}."
        )
    untold = ", ".join(name(row) for row in found.untold)
    return f"Indistinguishable from the best, {name(found.best)}: {untold}; {how}."


def _target(block: Block) -> str:
    if block.target.quality is None:
        return (
            f"Target: none, because the baseline {name(block.target.baseline)} has no finished "
            "run here."
        )
    partly = any(0 < entry.reached < entry.count("seeds") for entry in block.entries)
    legend = " 'n of m': only n seeds reached it." if partly else ""
    headline = block.section.task.headline
    target = f"dev {headline.heading} {headline.text(block.target.quality)}"
    return (
        f"Target: {target}, {percent(SHARE)} of the best of {name(block.target.baseline)}.{legend}"
    )


def _own_seconds(block: Block) -> list[str]:
    """The seconds of rows whose total counts other runs, without those."""
    own = [
        f"{_named(block, entry)} {entry.row['own_seconds']:.3g} s"
        for entry in block.entries
        if entry.row["own_seconds"] != entry.row["total_seconds"]
    ]
    return [f"Without the first round, which rows may share: {'; '.join(own)}."] if own else []


def _named(block: Block, entry: Entry) -> str:
    """How a note names a row."""
    first, second, *_ = block.section.task.axes
    return name((f"{entry.row[first]}", f"{entry.row[second]}"))


def _schedule(block: Block) -> list[str]:
    """Says where arrivals say more of the learning rate's schedule than of the rows."""
    goal = block.target.quality
    if goal is None:
        return []
    done = [run for run in block.section.runs if run.done]
    arrived = [cut for run in done if (cut := run.after_cut(goal)) is not None]
    if 2 * sum(arrived) <= len(arrived):
        return []
    note = (
        f"Steps to target time the schedule: {sum(arrived)} of {count(len(arrived), 'run')} "
        "arrived at the first evaluation after a cut of the learning rate."
    )
    return [note]


def _seeds(block: Block) -> str:
    every = {run.record.spec.seed for run in block.section.runs if run.done}
    uneven = uneven_note(block)
    return f"Seeds: {listed(every)}.{f' {uneven}' if uneven else ''}" if every else ""


def uneven_note(block: Block) -> str:
    """Warns where rows rest on different seeds; else empty."""
    by_row = _seeds_by_row(block)
    every = {seed for seeds in by_row.values() for seed in seeds}
    fewer = [
        f"{name(key)} only {listed(seeds)}"
        for key, seeds in by_row.items()
        if seeds and set(seeds) != every
    ]
    return f"Warning: rows rest on different seeds: {'; '.join(fewer)}." if fewer else ""


def _seeds_by_row(block: Block) -> dict[tuple[str, str], list[int]]:
    """Of finished runs."""
    return {
        row: [run.record.spec.seed for run in runs if run.done]
        for row, runs in block.section.rows.items()
    }


def _mixed(block: Block) -> list[str]:
    notes = []
    if block.section.apart:
        notes.append(
            f"Warning: other blocks of {block.section.dataset} differ from this one, which has "
            f"{', '.join(block.section.apart)}."
        )
    if versions := distinct(
        f"{getattr(run.record.spec, field).name}{version}"
        for run in block.section.runs
        for field, version in run.versions.items()
    ):
        notes.append(
            f"Versions of one component: {', '.join(versions)} (after the @: digest of its code, "
            "or its card's version), the newest first."
        )
    if block.section.superseded:
        notes.append(
            f"Warning: {count(block.section.superseded, 'run')} by other versions of a component "
            "left out, newer ones taken."
        )
    return notes


def _studies(section: Section) -> list[str]:
    """In how many studies rows were tuned."""
    rows = section.rows.values()
    studies = max(len({run.study for run in runs if run.done}) for runs in rows)
    if studies < 2:
        return []
    note = (
        f"Rows were tuned in {studies} independent studies, each with runs of its own: tuned "
        "values are of each study; means and intervals are over studies and hold tuning's luck."
    )
    return [note]


def _edges(section: Section) -> list[str]:
    """Which tuned values lie at an end of what was searched."""
    found = {
        row: sorted({key for run in runs if run.tuning for key in run.tuning.tuned_at_edge})
        for row, runs in section.rows.items()
    }
    named = "; ".join(f"{name(row)} ({', '.join(keys)})" for row, keys in found.items() if keys)
    note = (
        "Tuned at an edge: the best value lies at an end of the range that was searched, so that a "
        f"wider one may hold better: {named}."
    )
    return [note] if named else []


def _measured(block: Block) -> list[str]:
    """What the columns are that not every table has."""
    folds = f"1K: ranked within folds of {FOLD:,} test images, and averaged over the folds."
    return [folds] * bool(block.section.further) + [
        f"{metric.key}: {metric.about[0].lower()}{metric.about[1:]}"
        for metric in block.section.measured
    ]


def _failure(run: Run) -> str:
    return (
        f"{run.record.status.capitalize()}: {name(run.combination)}, seed {run.record.spec.seed}: "
        f"{reason(run)}"
    )


def reason(run: Run) -> str:
    """Why a run has no result, shortened: the last line of its traceback."""
    lines = [
        line.strip()
        for line in (run.record.error or "no reason recorded").splitlines()
        if line.strip()
    ]
    return lines[-1] if len(lines[-1]) <= _ERROR_LENGTH else lines[-1][: _ERROR_LENGTH - 1] + "…"
