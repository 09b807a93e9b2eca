"""The page: what it says, as data for its template, and the text made of that."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, NamedTuple

from vsebench.report.page.figures import figures
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
from vsebench.report.wording import name

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from jinja2 import Environment
    from markupsafe import Markup

    from vsebench.plugin.registry import Registry
    from vsebench.report.page.figures import Figures
    from vsebench.report.page.table import Table
    from vsebench.report.rows.combinations import Block
    from vsebench.report.rows.runs import Run
    from vsebench.report.verification.verify import Comparison
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


class RunLine(NamedTuple):
    """One run in the list of all.

    Attributes:
        run_id: run id in full.
        row: its components.
        seed: its seed.
        status: how it ended; why, where it has no result.
        good: whether it has a result.
        step: step of the model that dev selected; None where none was.
        seconds: seconds of training with everything that it needed first; None where not known.
    """

    run_id: str
    row: str
    seed: int
    status: str
    good: bool
    step: int | None
    seconds: float | None


@dataclass(frozen=True)
class Part:
    """A block of rows on the page.

    Attributes:
        heading: what it is about.
        facts: conditions under which it was made, by name.
        protocol: every key of the protocol with its value.
        table: what a person reads.
        full: every key of the rows.
        alarms: what went wrong, and what forbids to compare.
        notes: what its figures are.
        figures: its training curves; None without any.
        published: rows beside published results.
        runs: all of them.
    """

    heading: str
    facts: list[tuple[str, str]]
    protocol: list[tuple[str, str]]
    table: Table
    full: Table
    alarms: list[str]
    notes: list[str]
    figures: Figures | None
    published: tuple[Comparison, ...]
    runs: list[RunLine]


@dataclass(frozen=True)
class Page:
    """Everything that the template is given.

    Attributes:
        title: what is compared, and on what.
        summary: how much of it there is.
        command: command that made the page.
        parts: one for each block.
        alarms: what concerns all of them.
        notes: what the figures of their tasks are.
        claims: verdicts on files of claims.
    """

    title: str
    summary: str
    command: str
    parts: list[Part]
    alarms: list[str]
    notes: list[str]
    claims: Sequence[Verdicts]


def page_of(
    blocks: Sequence[Block],
    unfinished: Sequence[AnySpec],
    command: str,
    registry: Registry | None,
    claims: Sequence[Verdicts] = (),
) -> Page:
    """The page of some results.

    Args:
        blocks: blocks of rows.
        unfinished: runs without a record.
        command: command that makes the page.
        registry: where published results are looked for; nowhere when None.
        claims: verdicts on files of claims.
    """
    return Page(
        title=title(blocks),
        summary=_summary(blocks),
        command=command,
        parts=[_part(block, i, registry) for i, block in enumerate(blocks)],
        alarms=[unfinished_note(unfinished)] if unfinished else [],
        notes=general_notes(blocks),
        claims=claims,
    )


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


def _summary(blocks: Sequence[Block]) -> str:
    runs = [run for block in blocks for run in block.section.runs]
    rows, done = sum(len(block.entries) for block in blocks), sum(run.done for run in runs)
    counted = f"{rows} row{'s' * (rows != 1)}, {len(runs)} run{'s' * (len(runs) != 1)}"
    return f"{counted}, {len(runs) - done} without a result" if done < len(runs) else counted


def _part(block: Block, number: int, registry: Registry | None) -> Part:
    runs, table = block.section.runs, main_table(block)
    uneven, bold = uneven_note(block), best_note(table, block.level)
    return Part(
        heading=heading(block),
        facts=facts(block),
        protocol=protocol_values(block.section),
        table=table,
        full=full_table(block),
        alarms=[*([uneven] if uneven else []), *alarms(block)],
        notes=[*legend(block), *([bold] if bold else [])],
        figures=figures(block, number),
        published=beside_published(runs, registry, level=block.level)
        if registry is not None
        else (),
        runs=[_line(run) for run in runs],
    )


def _line(run: Run) -> RunLine:
    record = run.record
    if run.done:
        status = ", ".join([record.status, *(spoil.name for spoil in spoiled(run))])
    else:
        status = f"{record.status}: {reason(run)}"
    seconds = record.cost.total_seconds if record.cost is not None else None
    return RunLine(
        record.run_id,
        name(run.combination),
        record.spec.seed,
        status,
        run.done,
        record.best_step,
        seconds,
    )


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
    page = page_of(blocks, unfinished, command, registry, claims)
    return (
        templates("vsebench.report.page")
        .get_template("page.html.jinja")
        .render(page=page, version=version("vsebench"))
        .strip()
        + "\n"
    )


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
    environment.globals["zip"] = zip
    environment.filters["breakable"] = breakable
    return environment


def breakable(text: str) -> Markup:
    """A text as HTML whose lines may break between the parts of a component spec."""
    from markupsafe import Markup, escape

    return Markup("<wbr>").join(escape(part) for part in _BREAKS.split(text))
