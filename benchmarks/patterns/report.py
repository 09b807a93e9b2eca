"""Trials as JSON and as Markdown."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from tabulate import tabulate

from benchmarks.patterns.task import PATTERNS
from benchmarks.patterns.trial import Trial
from vsebench.plugin import SpecError
from vsebench.report.statistics.means import t_interval

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from benchmarks.patterns.trial import Recipe

PUBLISHED = ("0", ".005", ".010", ".006", "0")
"""VSE-infinity, supplement, Table 6: GPO (positional encoding and BiGRU), sizes seen in
training.
"""


def to_json(recipe: Recipe, trials: Iterable[Trial]) -> str:
    """One trial to a line, so that a difference between two files can be read."""
    lines = ",\n".join("  " + json.dumps(asdict(trial)) for trial in trials)
    return f'{{"recipe": {json.dumps(asdict(recipe))},\n "trials": [\n{lines}\n]}}\n'


def load(path: Path, recipe: Recipe) -> list[Trial]:
    """The trials in a file.

    Raises:
        SpecError: they were made by another recipe.
    """
    content = json.loads(path.read_text(encoding="utf-8"))
    if content["recipe"] != asdict(recipe):
        raise SpecError(
            f"{path} holds trials with {content['recipe']}, not {asdict(recipe)}: give the same "
            "options, or another file"
        )
    return [Trial(**trial) for trial in content["trials"]]


def tables(trials: Sequence[Trial]) -> str:
    """A table for sizes seen in training and one for others: poolings by patterns."""
    seen, unseen = _table(trials, "seen"), _table(trials, "unseen")
    return (
        f"Sizes seen in training (20 to 100):\n\n{seen}\n\nOther sizes (10 to 19 and 101 to "
        f"120):\n\n{unseen}"
    )


def _table(trials: Sequence[Trial], test: str) -> str:
    rows = [
        [pooling, *(_cell(trials, pooling, pattern, test) for pattern in PATTERNS)]
        for pooling in dict.fromkeys(t.pooling for t in trials)
    ]
    if test == "seen":
        rows.append(["published: gpo", *PUBLISHED])
    return tabulate(
        rows,
        headers=["pooling", *PATTERNS],
        tablefmt="github",
        disable_numparse=True,
        colalign=("left", *["right"] * len(PATTERNS)),
    )


def _cell(trials: Sequence[Trial], pooling: str, pattern: str, test: str) -> str:
    """The mean over seeds; with several that differ, ± the half-width of its 95 % t-interval; –
    where there is no trial.
    """
    errors = [getattr(t, test) for t in trials if (t.pooling, t.pattern) == (pooling, pattern)]
    if not errors:
        return "–"
    mean, low, _ = t_interval(errors)
    return (
        f"{mean:.4f}" if low is None or len(set(errors)) == 1 else f"{mean:.4f} ± {mean - low:.4f}"
    )
