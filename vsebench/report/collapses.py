"""What stands under a table about collapsed runs: since when, how far they fell, what helped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vsebench.report.evidence import COLLAPSED
from vsebench.report.wording import name, span

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vsebench.report.runs import Run
    from vsebench.results.record import Collapse

    Collapsed = tuple[Run, Collapse]


def collapse_notes(done: Sequence[Run]) -> list[str]:
    """One note for each row with collapsed runs, and one on what has helped other runs."""
    found = [(run, run.record.collapse) for run in done if run.record.collapse is not None]
    by_row: dict[tuple[str, str], list[Collapsed]] = {}
    for run, collapse in found:
        by_row.setdefault(run.combination, []).append((run, collapse))
    rows = [
        f"{COLLAPSED.mark} Collapsed: {name(row)}, {_told(runs)}" for row, runs in by_row.items()
    ]
    return (
        [*rows, f"What has helped against collapse: {_hints([run for run, _ in found])}."]
        if rows
        else []
    )


def _told(runs: Sequence[Collapsed]) -> str:
    """Since when, how far the runs of a row fell, and what its figures then are."""
    since = ", ".join(
        f"seed {run.record.spec.seed} from step {c.step} on (dev RSUM {c.best_rsum:.0f} → "
        f"{c.last_rsum:.0f})"
        for run, c in runs
    )
    earlier = all(
        run.record.best_step is not None and run.record.best_step < c.step for run, c in runs
    )
    before = " Figures are of models selected before." if earlier else ""
    found = [collapse for _, collapse in runs]
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
        "a smaller rate (--set lr=…)",
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
