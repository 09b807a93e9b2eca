"""Tuned and untuned rows in one table: both are shown, and neither passes for the other."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from vsebench.report.rows.runs import Run

TUNED = " (tuned)"
"""Ends the name of a tuned row where untuned ones stand beside it."""


def marked(runs: Sequence[Run]) -> list[Run]:
    """The runs of a table; where not all of them are tuned, those that are say so."""
    if all(run.tuned for run in runs):
        return [*runs]
    return [replace(run, mark=TUNED) if run.tuned else run for run in runs]


def held_equal(run: Run) -> tuple[str, ...]:
    """What was tuned for a run's row and would else be equal for all rows of its table."""
    spec = run.record.spec
    return tuple(key for key in spec.tuned_keys if spec.holds_equal(key))


def with_untuned(
    groups: Sequence[list[Run]], held: Callable[[Run, Collection[str]], object]
) -> list[list[Run]]:
    """Groups of runs made under equal conditions, in which a group of tuned rows joins the untuned
    ones that differ from it in nothing but the keys that were tuned, after them. Where several
    would fit, nothing says which rows belong together, and all stay apart.

    Args:
        groups: the groups, each of one set of tuned keys.
        held: the conditions of a run, were certain keys tuned for it.
    """
    found = [*groups]
    tuned = [group for group in groups if held_equal(group[0])]
    untuned = [group for group in groups if not held_equal(group[0])]

    def fits(group: list[Run], other: list[Run]) -> bool:
        keys = held_equal(group[0])
        return held(group[0], keys) == held(other[0], keys)

    for group in tuned:
        partners = [other for other in untuned if fits(group, other)]
        if len(partners) == 1 and sum(fits(each, partners[0]) for each in tuned) == 1:
            together = next(i for i, each in enumerate(found) if each is partners[0])
            found[together] = [*partners[0], *group]
            found = [each for each in found if each is not group]
    return found
