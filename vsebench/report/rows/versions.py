"""Several versions of a component in one table: code that was edited, or a version that was raised.
Each is a row, the newest first.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from vsebench.report.rows.runs import Run

    Made = tuple[tuple[str, str], ...]
    """Field and version of each component that rows compare."""

_DIGITS = 4


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
    rows: dict[tuple[str, str], dict[Made, list[Run]]] = {}
    for run in runs:
        versions = rows.setdefault(run.record.spec.combination, {})
        versions.setdefault(_made(run), []).append(run)
    return list(rows.values())


def _by_age(versions: Mapping[Made, Sequence[Run]]) -> list[Made]:
    """The newest first: that of the run which was started last."""
    return sorted(
        versions, key=lambda made: max(run.started for run in versions[made]), reverse=True
    )


def _made(run: Run) -> Made:
    return tuple(
        (slot.field, ref.version)
        for slot, ref in run.record.spec.components()
        if not slot.held_equal and slot.kind != "dataset"
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
