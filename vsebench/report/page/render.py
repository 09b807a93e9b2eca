"""The page: what it says, as data for its template, and the text made of that."""

from __future__ import annotations

import re
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, NamedTuple

from vsebench.report.page.figures import curves
from vsebench.report.page.table import full_table, main_table
from vsebench.report.rows.evidence import spoiled
from vsebench.report.tables.layout import heading
from vsebench.report.tables.made_with import facts, protocol_values
from vsebench.report.tables.notes import (
    alarms,
    best_note,
    general_notes,
    legend,
    reason,
    uneven_note,
    unfinished_note,
)
from vsebench.report.verification.verify import beside_published
from vsebench.report.wording import count, name, percent

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from jinja2 import Environment
    from markupsafe import Markup

    from vsebench.plugin.registry import Registry
    from vsebench.report.rows.combinations import Block
    from vsebench.report.rows.runs import Run
    from vsebench.results.spec import AnySpec


class VerdictLine(NamedTuple):
    """A claim with its verdict.

    Attributes:
        claim: its id.
        verdict: `confirmed`, `refuted`, `undecided` or `inadmissible`.
        cells: what was found, the interval, p and the number of seeds, as text.
        said: what is claimed, and what decided.
    """

    claim: str
    verdict: str
    cells: list[str]
    said: str


class Verdicts(NamedTuple):
    """The verdicts on a file of claims.

    Attributes:
        file: its name.
        lines: its claims.
        notes: what holds for all of them.
    """

    file: str
    lines: list[VerdictLine]
    notes: list[str]


_AXES = {"pooling": "poolings", "loss": "losses", "sampler": "samplers"}
_BREAKS = re.compile(r"(?<=[:/,])(?=\S)")


def title(blocks: Sequence[Block]) -> str:
    """What is compared, and on which data: `Poolings and losses on flickr30k`."""
    rows = [entry.row for block in blocks for entry in block.entries]
    varied = [
        words
        for axis, words in _AXES.items()
        if len({row[axis] for row in rows if row[axis] is not None}) > 1
    ]
    return (
        f"{_listed(varied or ['results']).capitalize()} on "
        f"{_listed(dict.fromkeys(block.section.dataset for block in blocks))}"
    )


def summary(blocks: Sequence[Block]) -> str:
    """How much of it there is."""
    runs = sum(len(block.section.runs) for block in blocks)
    return f"{count(sum(len(block.entries) for block in blocks), 'row')}, {count(runs, 'run')}"


def part_of(block: Block, registry: Registry | None) -> dict[str, Any]:
    """What every page says of a block, by the names of its templates.

    Args:
        block: the block.
        registry: where published results of the same settings are looked for; nowhere when None.
    """
    runs = block.section.runs
    return {
        "heading": heading(block),
        "facts": facts(block),
        "protocol": protocol_values(block.section),
        "full": full_table(block),
        "published": ()
        if registry is None
        else beside_published(runs, registry, level=block.level),
        "runs": runs,
    }


def _part(block: Block, number: int, registry: Registry | None) -> dict[str, Any]:
    table, uneven = main_table(block), uneven_note(block)
    bold = best_note(table, block.level)
    return {
        **part_of(block, registry),
        "table": table,
        "alarms": [*([uneven] if uneven else []), *alarms(block)],
        "notes": [*legend(block), *([bold] if bold else [])],
        "figures": curves(block, number),
        "level": percent(block.level),
    }


def ending(run: Run) -> str:
    """How a run ended; why, where it has no result."""
    if run.done:
        return ", ".join([run.record.status, *(spoil.name for spoil in spoiled(run))])
    return f"{run.record.status}: {reason(run)}"


def _listed(words: Iterable[str]) -> str:
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last


def to_html(
    blocks: Sequence[Block],
    unfinished: Sequence[AnySpec] = (),
    *,
    command: str = "",
    registry: Registry | None = None,
    claims: Sequence[Verdicts] = (),
) -> str:
    """Blocks as one HTML document that needs nothing beside it; its end is a line end.

    Args:
        blocks: what to show.
        unfinished: runs without a record, which the page names.
        command: command that makes the page, which then names it.
        registry: where published results of the same settings are looked for; nowhere when None.
        claims: verdicts on files of claims, which the page shows.
    """
    without = sum(not run.done for block in blocks for run in block.section.runs)
    page = (
        templates("vsebench.report.page")
        .get_template("page.html.jinja")
        .render(
            version=version("vsebench"),
            title=title(blocks),
            summary=summary(blocks) + (f", {without} without a result" if without else ""),
            command=command,
            parts=[_part(block, i, registry) for i, block in enumerate(blocks)],
            alarms=[unfinished_note(unfinished)] if unfinished else [],
            notes=general_notes(blocks),
            claims=claims,
        )
    )
    return page.strip() + "\n"


def templates(*packages: str) -> Environment:
    """The templates in some packages, the first that has one of a name; what they write is text
    unless they say otherwise.
    """
    from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=ChoiceLoader([PackageLoader(package) for package in packages]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=True,
    )
    environment.globals |= {"zip": zip, "name": name, "ending": ending}
    environment.filters["breakable"] = breakable
    return environment


def breakable(text: str) -> Markup:
    """A text as HTML whose lines may break between the parts of a component spec."""
    from markupsafe import Markup, escape

    return Markup("<wbr>").join(escape(part) for part in _BREAKS.split(text))
