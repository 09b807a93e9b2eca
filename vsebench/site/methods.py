"""The methods that the rows of a site's studies compare, each with every row that it is in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from vsebench.plugin.published import Setting
from vsebench.report.figures.weights import weight_sketches
from vsebench.report.page.figures import of_board
from vsebench.report.tables.layout import heading
from vsebench.report.wording import name
from vsebench.site.docstrings import docstring_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vsebench.plugin.published import Published
    from vsebench.plugin.registry import Component, Registry
    from vsebench.report.leaderboard.board import Board, Standing
    from vsebench.results.components import ComponentRef
    from vsebench.site.studies import Slugs, Study

KINDS = ("pooling", "loss", "sampler")
MOST = 4
"""Boards on whose rows a page shows the weights that a pooling learnt."""
Key = tuple[str, str, str]
"""A method: its kind, who provides it, and its name."""


class Appearance(NamedTuple):
    """A row that a method is in.

    Attributes:
        study: study of the row.
        board: number of its board in the study, from 0.
        row: its components.
        standing: its rank, groups and figures.
        headline: mean of the headline as it is written, with its heading.
        value: the same in full; None where the row has no result.
    """

    study: Study
    board: int
    row: str
    standing: Standing
    headline: str
    value: float | None


@dataclass(frozen=True)
class Method:
    """A component that rows compare.

    Attributes:
        kind: `pooling`, `loss` or `sampler`.
        name: name of the component.
        distribution: who provides it.
        slug: stem of its page's file name.
        component: the component as it is installed here; None where it is not.
        text: what its docstring says, equations included; may be empty.
        rows: every row that it is in.
    """

    kind: str
    name: str
    distribution: str
    slug: str
    component: Component | None
    text: str
    rows: list[Appearance] = field(default_factory=list)


def methods_of(studies: Sequence[Study], registry: Registry, slugs: Slugs) -> dict[Key, Method]:
    """Every method of every row, by kind and name.

    Args:
        studies: studies of the site.
        registry: where their cards are looked for.
        slugs: gives their pages names.
    """
    found: dict[Key, Method] = {}
    for study in studies:
        for number, board in enumerate(study.boards):
            for appearance, refs in _rows(study, number, board):
                for kind, ref in refs:
                    key = (kind, ref.distribution, ref.name)
                    if key not in found:
                        found[key] = _method(key, registry, slugs)
                    found[key].rows.append(appearance)
    return dict(sorted(found.items(), key=lambda item: (KINDS.index(item[0][0]), item[0][2])))


def components_of(board: Board) -> Iterator[list[tuple[str, ComponentRef]]]:
    """The methods of each row, each once."""
    for runs in board.block.section.rows.values():
        named = {
            (slot.kind, ref.distribution, ref.name): ref
            for slot, ref in runs[0].record.spec.components()
            if slot.kind in KINDS and not slot.held_equal
        }
        yield [(kind, ref) for (kind, _, _), ref in named.items()]


def _rows(
    study: Study, number: int, board: Board
) -> Iterator[tuple[Appearance, list[tuple[str, ComponentRef]]]]:
    section = board.block.section
    metric, rows = section.task.headline, section.rows
    for row, standing, refs in zip(rows, board.standings, components_of(board), strict=True):
        value = standing.entry.row[metric.key]
        known = float(value) if isinstance(value, (int, float)) else None
        text = f"{metric.heading} {metric.text(known)}" if known is not None else ""
        yield Appearance(study, number, name(row), standing, text, known), refs


def _method(key: Key, registry: Registry, slugs: Slugs) -> Method:
    kind, distribution, name = key
    component = next(
        (
            each
            for each in registry.find(name)
            if each.kind == kind and each.origin.distribution == distribution
        ),
        None,
    )
    text = docstring_of(component.target) if component is not None else ""
    return Method(kind, name, distribution, slugs.of(f"{kind}-{name}"), component, text)


def setting_text(published: Published) -> str:
    """What a published result was measured with, in words."""
    setting = published.setting
    if not isinstance(setting, Setting):
        return setting
    changes = ", ".join(f"{key}={value}" for key, value in setting.changes.items())
    words = (
        *(setting.model, setting.pooling, setting.loss, setting.test, setting.features),
        *(setting.text_encoder, f"{setting.models} models" if setting.models > 1 else "", changes),
    )
    return ", ".join(word for word in words if word)


def learnt_weights(method: Method) -> list[dict[str, Any]]:
    """The weights over sorted positions that a pooling learnt, on the first boards whose runs keep
    them, with the study and the number of each; nothing of what is no pooling.
    """
    found: list[dict[str, Any]] = []
    places = dict.fromkeys((row.study.slug, row.board) for row in method.rows)
    studies = {row.study.slug: row.study for row in method.rows}
    for slug, number in places if method.kind == "pooling" else ():
        board = studies[slug].boards[number]
        sketches = weight_sketches(board, (method.distribution, method.name))
        if sketches and len(found) < MOST:
            rows = sorted({row for each in sketches for row in each.titles})
            found.append(
                {
                    "study": studies[slug],
                    "board": number + 1,
                    "heading": heading(board.block),
                    "figures": of_board(board, sketches, f"w{len(found)}-", rows),
                }
            )
    return found
