"""What stands under a table about rows that are no evidence: which, and why; of collapsed runs,
since when, how far they fell, and what helped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vsebench.report.rows.evidence import COLLAPSED, RISE, RISING, WARM_UP, late_rise, spoiled
from vsebench.report.rows.runs import grouped
from vsebench.report.wording import counted, distinct, name, span

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vsebench.report.rows.runs import Run
    from vsebench.report.rows.sections import Section
    from vsebench.results.record import Collapse

NO_EVIDENCE = (
    "Marked rows are no evidence about their components: 'vsebench compare' gives no verdict on "
    "them."
)


def evidence_notes(section: Section) -> list[str]:
    """A note for each mark that occurs, and what the marks mean; empty where all rows are
    evidence.
    """
    done = [run for run in section.runs if run.done]
    found = [*collapse_notes(done), *_selected_in_warm_up(done), *_rising(section)]
    return [*found, NO_EVIDENCE] if found else []


def _selected_in_warm_up(done: Sequence[Run]) -> list[str]:
    """Names rows with runs whose best model had not seen the row's loss yet."""
    early = [run for run in done if WARM_UP in spoiled(run)]
    if not early:
        return []
    losses = distinct(
        warmup.loss for run in early if (warmup := run.record.spec.warmup) is not None
    )
    best = f"the best on dev was a model trained with {', '.join(losses)}"
    rows = counted(early)
    return [f"{WARM_UP.mark} Selected in warm-up: {best} and not yet with the row's loss: {rows}."]


def _rising(section: Section) -> list[str]:
    """Names rows that had not converged, with what they gained late."""
    rising = [row for row, reasons in section.no_evidence.items() if RISING in reasons]
    high = {row: late_rise([run for run in section.rows[row] if run.done]) or 0 for row in rising}
    if not high:
        return []
    if 1 < len(high) == len(section.rows):
        rows = f"every row ({span([100 * rise for rise in high.values()], 1)} %)"
    else:
        rows = "; ".join(f"{name(row)} ({100 * rise:.1f} %)" for row, rise in high.items())
    gain = f"dev {section.task.headline.heading} gained more than {100 * RISE:g} %"
    order = "so longer runs may rank differently"
    return [f"{RISING.mark} Still rising: {gain} in the last quarter of training, {order}: {rows}."]


def collapse_notes(done: Sequence[Run]) -> list[str]:
    """One note for each row with collapsed runs, and one on what has helped other runs."""
    collapsed = [run for run in done if run.record.collapse is not None]
    rows = [
        f"{COLLAPSED.mark} Collapsed: {name(row)}, {_told(runs)}"
        for row, runs in grouped(collapsed, lambda run: run.combination).items()
    ]
    return [*rows, f"What has helped against collapse: {_hints(collapsed)}."] if rows else []


def _told(runs: Sequence[Run]) -> str:
    """Since when, how far the runs of a row fell, and what its figures then are."""
    found = [run.record.collapse for run in runs if run.record.collapse is not None]
    since = ", ".join(
        f"seed {run.record.spec.seed} from step {c.step} on (dev RSUM {c.best_rsum:.0f} → "
        f"{c.last_rsum:.0f})"
        for run, c in zip(runs, found, strict=True)
    )
    earlier = all(
        run.record.best_step is not None and run.record.best_step < c.step
        for run, c in zip(runs, found, strict=True)
    )
    before = " Figures are of models selected before." if earlier else ""
    loss = span([c.last_loss for c in found], 1)
    return f"{since}: {_narrow(found)}, the loss is {loss}{_plateau(found)}.{before}"


def _narrow(found: Sequence[Collapse]) -> str:
    """How close embeddings lie; records of old know only how close one side lies to the other."""
    images = [c.image_cosine for c in found if c.image_cosine is not None]
    texts = [c.text_cosine for c in found if c.text_cosine is not None]
    if len(images) < len(found) or len(texts) < len(found):
        return f"unrelated pairs have a mean cosine of {span([c.cosine for c in found], 2)}"
    return (
        f"images have a mean cosine of {span(images, 2)} to each other, captions of "
        f"{span(texts, 2)}"
    )


def _plateau(found: Sequence[Collapse]) -> str:
    known = [c.plateau for c in found if c.plateau is not None]
    if not known:
        return ""
    return f", where a model with all embeddings equal has {span(known, 1)}"


def _hints(runs: Sequence[Run]) -> str:
    """What keeps such runs from collapsing, without what all of them have already."""
    specs = [run.record.retrieval for run in runs]
    aoq = [spec for spec in specs if spec.loss.name == "aoq"]
    hints = [
        *(["--set augment_words=0"] if any(spec.protocol.augment_words for spec in specs) else []),
        "a longer warm-up (--set warmup_epochs=…)",
        "a lower learning rate (--set lr=…)",
        *(["--loss selhn"] if any(spec.loss.name != "selhn" for spec in specs) else []),
        *(
            ["--loss aoq:start=warm"]
            if any(s.loss.params.get("start") != "warm" for s in aoq)
            else []
        ),
    ]
    stop = (
        ""
        if all(spec.stop is not None and spec.stop.name == "collapse" for spec in specs)
        else "; --set stop=collapse ends such runs early"
    )
    return f"{', '.join(hints)}{stop}"
