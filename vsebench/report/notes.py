"""What stands under a table: what each figure is, under which conditions it was made, and what went
wrong.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from vsebench.report.convergence import SHARE
from vsebench.report.layout import COLLAPSED
from vsebench.results.spec import METRIC_VERSION, RunSpec

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from vsebench.plugin.cards import Task
    from vsebench.report.rows import Block
    from vsebench.report.runs import Run
    from vsebench.results.record import Collapse
    from vsebench.results.spec import AnySpec

GENERAL: Mapping[Task, Sequence[str]] = {
    "retrieval": (
        (
            "R@K: % of test queries with a positive among the first K (any-hit; ties count "
            "against the model). RSUM: sum of the six."
        ),
        "i2t: images retrieve captions; t2i: captions retrieve images.",
        (
            "Seconds: training, with the first round and the mining that a loss needs, without "
            "evaluation. Steps: the run's own."
        ),
    ),
    "annotation": (
        (
            "P@K: share of positives among an image's first K labels; R@K: share of its positives "
            "there; MAP: mean average precision of the full rankings."
        ),
        (
            "AUC: share of (positive, negative) pairs in order, over all negatives. All are means "
            "over test images; ties count against the model."
        ),
        "Labels known from training are left out of a ranking.",
        (
            "Seconds: drawing, refreshing and updating, without evaluation. An update is one "
            "positive with one negative."
        ),
    ),
}
"""What every table's figures are, by task."""

_ERROR_LENGTH = 160
_COMMIT = 12


def block_notes(block: Block) -> list[str]:
    """What is particular to one block, each note a sentence or two."""
    done = [run for run in block.section.runs if run.done]
    notes = [
        _seeds(block),
        *legend(block),
        _protocol(block),
        machine_note(done),
        _software(done),
        *alarms(block),
    ]
    return [note for note in notes if note]


def legend(block: Block) -> list[str]:
    """What the figures of a block are, beside what those of its task are."""
    return [_spread(block), _target(block), *_measured(block)]


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
        *_collapsed(done),
        *_warm_only(done),
    ]
    notes += [
        f"Data: {warning}"
        for warning in _distinct(warning for run in runs for warning in run.record.warnings)
    ]
    notes += [
        f"Warning: plugin {failure}."
        for failure in _distinct(failure for run in runs for failure in run.record.plugin_failures)
    ]
    return [*notes, *(_failure(run) for run in runs if not run.done)]


def general_notes(blocks: Sequence[Block]) -> list[str]:
    """What the figures of the tasks among these blocks are."""
    tasks = dict.fromkeys(block.section.runs[0].record.spec.task for block in blocks)
    return [note for task in tasks for note in GENERAL[task]]


def unfinished_note(unfinished: Sequence[AnySpec]) -> str:
    """Says which runs have no record yet."""
    named = "; ".join(spec.label for spec in unfinished[:3])
    more = f"; and {len(unfinished) - 3} more" if len(unfinished) > 3 else ""
    return f"Unfinished, not in the table: {named}{more}."


def name(combination: tuple[str, str]) -> str:
    """How text names a row."""
    return " × ".join(combination)


def counted(runs: Iterable[Run]) -> str:
    """Names rows with how many of these runs they have; empty of none."""
    return "; ".join(
        f"{name(row)} ({count})" for row, count in Counter(run.combination for run in runs).items()
    )


def _spread(block: Block) -> str:
    counts = {entry.row["seeds"] for entry in block.entries}
    if counts <= {0, 1}:
        return "One seed per row: differences may be chance."
    return "Figures are means over seeds; ±: half-width of the 95 % t-interval of the mean."


def _target(block: Block) -> str:
    if block.target.quality is None:
        return (
            f"Target: none, because the baseline {name(block.target.baseline)} has no finished "
            "run here."
        )
    partly = any(0 < entry.reached < int(entry.row["seeds"] or 0) for entry in block.entries)
    legend = " 'n of m': only n seeds reached it." if partly else ""
    table = block.section.table
    target = f"dev {table.headline_name} {block.target.quality:.{table.places}f}"
    return (
        f"Target: {target}, {100 * SHARE:.0f} % of the best of "
        f"{name(block.target.baseline)}.{legend}"
    )


def _protocol(block: Block) -> str:
    run = block.section.runs[0]
    spec, version, changes = run.record.spec, run.record.metric_version, changes_note(run)
    metric = "" if version == METRIC_VERSION else f", metric version {version}"
    by_row = f"; {tuned_note(run)}" if run.tuned else ""
    siblings = f"; {siblings_note(spec)}" if isinstance(spec, RunSpec) else ""
    return (
        f"Protocol {spec.protocol.name}{f' with {changes}' if changes else ''}{by_row}{siblings}. "
        f"Data {spec.data_fingerprint[:12]}{metric}."
    )


def changes_note(run: Run) -> str:
    """The keys of the protocol that differ from its preset for every row; empty without any."""
    return ", ".join(
        f"{key}={word(value)}"
        for key, value in run.record.spec.protocol_changes.items()
        if key not in run.tuned
    )


def tuned_note(run: Run) -> str:
    """The keys of the protocol that differ from row to row; empty without any."""
    return f"{', '.join(run.tuned)} tuned for each row" if run.tuned else ""


def siblings_note(spec: RunSpec) -> str:
    """What becomes of other captions of the same image."""
    siblings = "kept out of the negatives" if spec.protocol.sibling_mask else "used as negatives"
    return (
        f"sibling_mask={word(spec.protocol.sibling_mask)}: other captions of an image are "
        f"{siblings}"
    )


def machine_note(done: Sequence[Run]) -> str:
    """On what runs were made; empty without any."""
    if not done:
        return ""
    names = ", ".join(
        _distinct(
            run.record.provenance.device_name for run in done if run.record.provenance is not None
        )
    )
    spec = done[0].record.spec
    threads = f", {_count(spec.protocol.threads, 'thread')} a run" if spec.device == "cpu" else ""
    together = " or ".join(
        str(c)
        for c in sorted(
            {run.record.cost.concurrency for run in done if run.record.cost is not None}
        )
    )
    return f"Device: {spec.device}{f' ({names})' if names else ''}{threads}, {together} at a time."


def _software(done: Sequence[Run]) -> str:
    """Says where rows were made by different states of vsebench; empty where they were not, as far
    as is known.
    """
    made = [run.record.provenance for run in done if run.record.provenance is not None]
    releases = _distinct(
        each.libraries["vsebench"] for each in made if "vsebench" in each.libraries
    )
    commits = _distinct(short_commit(each.git_commit) for each in made if each.git_commit)
    differing = [
        f"{noun}s {' and '.join(found)}"
        for noun, found in (("release", releases), ("commit", commits))
        if len(found) > 1
    ]
    return f"Made with different states of vsebench: {', '.join(differing)}." if differing else ""


def short_commit(commit: str) -> str:
    """The beginning of a commit, with the '+' of a changed tree."""
    return commit[:_COMMIT] + ("+" if commit.endswith("+") else "")


def comparable_note(done: Sequence[Run]) -> str:
    """Warns where runs were not made on equal devices with equal company, without which seconds do
    not mean the same; else empty.
    """
    concurrency = {run.record.cost.concurrency for run in done if run.record.cost is not None}
    devices = {
        run.record.provenance.device_name for run in done if run.record.provenance is not None
    }
    causes = [
        cause
        for cause, found in (("runs at a time", concurrency), ("device", devices))
        if len(found) > 1
    ]
    return (
        "Warning: seconds are not comparable between these rows: runs differ in "
        f"{' and '.join(causes)}."
        if causes
        else ""
    )


def _seeds(block: Block) -> str:
    every, uneven = (
        sorted({seed for seeds in _seeds_by_row(block).values() for seed in seeds}),
        uneven_note(block),
    )
    return f"Seeds: {_listed(every)}.{f' {uneven}' if uneven else ''}" if every else ""


def uneven_note(block: Block) -> str:
    """Warns where rows rest on different seeds; else empty."""
    by_row = _seeds_by_row(block)
    every = {seed for seeds in by_row.values() for seed in seeds}
    fewer = [
        f"{name(key)} only {_listed(seeds)}"
        for key, seeds in by_row.items()
        if seeds and set(seeds) != every
    ]
    return f"Warning: rows rest on different seeds: {'; '.join(fewer)}." if fewer else ""


def _seeds_by_row(block: Block) -> dict[tuple[str, str], list[int]]:
    """Of finished runs."""
    by_row: dict[tuple[str, str], list[int]] = {}
    for run in block.section.runs:
        by_row.setdefault(run.combination, []).extend([run.record.spec.seed] if run.done else [])
    return by_row


def _mixed(block: Block) -> list[str]:
    notes = []
    if block.section.apart:
        notes.append(
            f"Warning: other blocks of {block.section.dataset} differ from this one, which has "
            f"{', '.join(block.section.apart)}."
        )
    if block.section.superseded:
        notes.append(
            f"Warning: {_count(block.section.superseded, 'run')} by other versions of a component "
            "left out, newer ones taken."
        )
    return notes


def _collapsed(done: Sequence[Run]) -> list[str]:
    """One note for each row with collapsed runs: since when, how far they fell, and what its
    figures then are.
    """
    by_row: dict[tuple[str, str], list[tuple[Run, Collapse]]] = {}
    for run in done:
        if run.record.collapse is not None:
            by_row.setdefault(run.combination, []).append((run, run.record.collapse))
    return [
        f"{COLLAPSED} Collapsed: {name(row)}, {_collapses(runs)}" for row, runs in by_row.items()
    ]


def _collapses(runs: Sequence[tuple[Run, Collapse]]) -> str:
    found = [collapse for _, collapse in runs]
    since = ", ".join(
        f"seed {run.record.spec.seed} from step {c.step} on (dev RSUM {c.best_rsum:.0f} → "
        f"{c.last_rsum:.0f})"
        for run, c in runs
    )
    cosine, loss = _span([c.cosine for c in found], 2), _span([c.last_loss for c in found], 1)
    earlier = all(
        run.record.best_step is not None and run.record.best_step < c.step for run, c in runs
    )
    before = " Figures are of models selected before." if earlier else ""
    resting = _span([c.plateau for c in found], 1)
    return (
        f"{since}: unrelated pairs have a mean cosine of {cosine}, the loss is {loss}, where a "
        f"model with all embeddings equal has {resting}.{before}"
    )


def _warm_only(done: Sequence[Run]) -> list[str]:
    """Names rows with runs whose best model had not seen the row's loss yet."""
    early = [
        (run, spec)
        for run in done
        if isinstance(spec := run.record.spec, RunSpec) and _within_warm_up(run, spec)
    ]
    if not early:
        return []
    losses, rows = (
        ", ".join(_distinct(spec.warmup_loss.spec for _, spec in early)),
        counted(run for run, _ in early),
    )
    return [
        (
            f"Warning: the best on dev was a model of the warm-up, trained with {losses} and not "
            f"yet with the row's loss: {rows}."
        )
    ]


def _within_warm_up(run: Run, spec: RunSpec) -> bool:
    record = run.record
    steps = (
        round(spec.protocol.warmup_epochs * record.steps_per_epoch)
        if record.warmup_steps is None
        else record.warmup_steps
    )
    return (
        record.best_step is not None
        and record.best_step <= steps
        and spec.warmup_loss.spec != spec.loss.spec
    )


def _span(values: Sequence[float], places: int) -> str:
    low, high = f"{min(values):.{places}f}", f"{max(values):.{places}f}"
    return low if low == high else f"{low}–{high}"


def _measured(block: Block) -> list[str]:
    """Who measured the columns that are not vsebench's own."""
    return [
        f"{column}: measured on test by {' and '.join(found)}."
        for column, found in sources(block).items()
    ]


def sources(block: Block) -> dict[str, list[str]]:
    """By column that a plugin added, who measured it."""
    columns = [run.record.columns for run in block.section.runs]
    return {
        each: _distinct(found[each].source for found in columns if each in found)
        for each in block.section.columns
    }


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


def _distinct(texts: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(texts))


def _listed(seeds: Sequence[int]) -> str:
    return ", ".join(str(seed) for seed in sorted(seeds))


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' if number != 1 else ''}"


def word(value: object) -> str:
    """The value of a protocol's key as a suite writes it."""
    return str(value).lower() if isinstance(value, bool) else str(value)
