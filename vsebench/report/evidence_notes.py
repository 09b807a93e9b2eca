"""What stands under a table about rows that are no evidence: which, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vsebench.report.collapses import collapse_notes
from vsebench.report.evidence import RISE, RISING, WARM_UP, late_rise, spoiled
from vsebench.report.rows import combinations_of
from vsebench.report.wording import counted, distinct, name, span

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vsebench.report.runs import Run
    from vsebench.report.sections import Section

NO_EVIDENCE = (
    "Marked rows are no evidence on their components: 'vsebench compare' gives no verdict on them."
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
    rises = {
        row: late_rise([run for run in runs if run.done])
        for row, runs in combinations_of(section).items()
    }
    high = {row: rise for row, rise in rises.items() if rise is not None and rise > RISE}
    if not high:
        return []
    if 1 < len(high) == len(rises):
        rows = f"every row ({span([100 * rise for rise in high.values()], 1)} %)"
    else:
        rows = "; ".join(f"{name(row)} ({100 * rise:.1f} %)" for row, rise in high.items())
    gain = f"dev {section.task.headline.heading} gained more than {100 * RISE:g} %"
    order = "so that longer runs may stand in another order"
    return [f"{RISING.mark} Still rising: {gain} in the last quarter of training, {order}: {rows}."]
