"""Rows that one table keeps apart although their components have one name: tuned ones beside
untuned, and several versions of a component (code that was edited, or a version that was raised),
each a row, the newest first; and how an option names any of them.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

from vsebench.report.rows.runs import grouped

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from vsebench.report.rows.runs import Run
    from vsebench.results.run_base import RunBase

    Made = tuple[tuple[str, str], ...]
    """Field and version of each component that rows compare."""

TUNED = " (tuned)"
"""Ends the name of a tuned row where untuned ones stand beside it."""

TUNED_OPTION = ",tuned"
"""Ends it in an option."""

_DIGITS = 4


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


def told_apart(runs: Sequence[Run]) -> list[Run]:
    """The runs by combination; those of one that has several versions are named by them, the newest
    version first.
    """
    return [run for versions in _rows(runs) for run in _named(versions)]


def newest_only(runs: Sequence[Run]) -> list[Run]:
    """The runs by combination, of each those of its newest version."""
    return [run for versions in _rows(runs) for run in versions[_by_age(versions)[0]]]


def _rows(runs: Sequence[Run]) -> list[dict[Made, list[Run]]]:
    """The runs of each combination by version."""
    rows = grouped(runs, lambda run: run.record.spec.combination)
    return [grouped(those, _made) for those in rows.values()]


def _by_age(versions: Mapping[Made, Sequence[Run]]) -> list[Made]:
    """The newest first: that of the run which was started last."""
    return sorted(
        versions, key=lambda made: max(run.started for run in versions[made]), reverse=True
    )


def _made(run: Run) -> Made:
    spec = run.record.spec
    refs = ((field, getattr(spec, field)) for field in _compared(type(spec)))
    return tuple((field, ref.version) for field, ref in refs if ref is not None)


@cache
def _compared(spec: type[RunBase]) -> tuple[str, ...]:
    """The fields of components that rows compare."""
    return tuple(
        slot.field for slot in spec.slots() if not slot.held_equal and slot.kind != "dataset"
    )


def _named(versions: Mapping[Made, Sequence[Run]]) -> Iterator[Run]:
    found: dict[str, set[str]] = {}
    for made in versions:
        for field, version in made:
            found.setdefault(field, set()).add(version)
    labels = {field: _labels(those) for field, those in found.items() if len(those) > 1}
    for made in _by_age(versions):
        said = {field: labels[field][version] for field, version in made if field in labels}
        yield from (replace(run, versions=said) if said else run for run in versions[made])


def _labels(versions: Collection[str]) -> dict[str, str]:
    """What tells versions apart: the beginning of the code's digest, or the card's version where
    there is none.
    """
    parts = {version: version.partition("+")[::2] for version in versions}
    for digits in range(_DIGITS, max(map(len, versions))):
        labels = {version: f"@{code[:digits] or card}" for version, (card, code) in parts.items()}
        if len(set(labels.values())) == len(labels):
            return labels
    return {version: f"@{version}" for version in versions}


def option_name(combination: tuple[str, str]) -> str:
    """What an option takes for a row, without anything to quote: `power@3f2a,triplet,tuned`."""
    text = ",".join(combination)
    return f"{text.removesuffix(TUNED)}{TUNED_OPTION}" if text.endswith(TUNED) else text
