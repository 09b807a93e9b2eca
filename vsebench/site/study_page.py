"""The page of a study, as data for its template."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from vsebench.report.figures.curves import look, told
from vsebench.report.figures.matrix import matrix
from vsebench.report.figures.sketches import short_names
from vsebench.report.figures.svg import to_svg
from vsebench.report.figures.tried import study_sketches
from vsebench.report.leaderboard.text import notes
from vsebench.report.page.table import Cell, Head, full_table, main_table
from vsebench.report.rows.evidence import spoiled
from vsebench.report.tables.layout import ABSENT, heading
from vsebench.report.tables.made_with import facts, protocol_values, short_commit
from vsebench.report.tables.notes import alarms, best_note, reason
from vsebench.report.verification.verify import beside_published
from vsebench.report.wording import name
from vsebench.site.methods import components_of
from vsebench.site.queries import absent, queries

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from vsebench.plugin.registry import Registry
    from vsebench.report.figures.matrix import Matrix
    from vsebench.report.leaderboard.board import Board
    from vsebench.report.page.table import Table
    from vsebench.report.queries.data import Captions, Thumbnails
    from vsebench.report.rows.runs import Run
    from vsebench.report.verification.verify import Comparison
    from vsebench.site.methods import Key, Method
    from vsebench.site.queries import Queries


class LegendKey(NamedTuple):
    """A row in a legend.

    Attributes:
        row: its place on the board, from 0.
        name: its components.
        color: colour of its own; empty of the grey rest.
    """

    row: int
    name: str
    color: str


class Drawing(NamedTuple):
    """A figure.

    Attributes:
        key: its name.
        about: its caption.
        notes: what a reader must know beside it.
        svg: an SVG element, safe to put into a page as it is.
    """

    key: str
    about: str
    notes: str
    svg: str


class Line(NamedTuple):
    """A row of the leaderboard.

    Attributes:
        color: colour of its curves; empty of the grey rest.
        groups: letters of the groups that it is in.
        cells: rank and groups, then what every table shows.
        methods: methods that it names.
    """

    color: str
    groups: str
    cells: list[Cell]
    methods: list[Method]


class Made(NamedTuple):
    """One run and where it comes from.

    Attributes:
        run_id: run id in full.
        row: its components.
        seed: its seed.
        status: how it ended; why, where it has no result.
        good: whether it has a result.
        cells: best step, seconds, device, start, commit and restarts, as text.
    """

    run_id: str
    row: str
    seed: int
    status: str
    good: bool
    cells: list[str]


@dataclass(frozen=True)
class Part:
    """A board on the page.

    Attributes:
        heading: what it is about.
        heads: heads of the leaderboard.
        lines: its rows from the best down.
        full: every figure of the rows.
        alarms: what went wrong, and what forbids to compare.
        notes: what its figures are.
        legend: rows with a colour, then the grey rest.
        drawings: its figures; empty where no run has a curve or a cost.
        matrix: all pairs of rows; None where none can be tested.
        queries: hardest queries, by kind.
        absent: what is not shown of them, in words; may be empty.
        licence: licence of the captions and images that are shown; may be empty.
        published: rows beside published results.
        facts: conditions under which it was made, by name.
        protocol: every key of the protocol with its value.
        runs: all of its runs.
    """

    heading: str
    heads: list[Head]
    lines: list[Line]
    full: Table
    alarms: list[str]
    notes: list[str]
    legend: list[LegendKey]
    drawings: list[Drawing]
    matrix: Matrix | None
    queries: list[Queries]
    absent: str
    licence: str
    published: tuple[Comparison, ...]
    facts: list[tuple[str, str]]
    protocol: list[tuple[str, str]]
    runs: list[Made]


def part_of(  # noqa: PLR0913  # all that a page shows of it
    board: Board,
    number: int,
    methods: Mapping[Key, Method],
    registry: Registry,
    texts: Captions,
    pictures: Thumbnails | None,
    study: Path,
) -> Part:
    """What a page says of a board.

    Args:
        board: the board.
        number: its number on the page, which keeps the ids of figures apart.
        methods: methods that have a page.
        registry: where published results are looked for.
        texts: captions of its data set, as far as they are at hand.
        pictures: thumbnails of its images, likewise.
        study: folder of its study, where the trials of its tuning may lie.
    """
    block, table = board.block, main_table(board.block)
    runs, wrong, hard = block.section.runs, alarms(block), queries(board, texts, pictures)
    licence = registry.find(runs[0].record.spec.dataset.name) if texts.texts else []
    return Part(
        heading(block),
        [
            Head("rank", "", "rank", "Place by the mean of the headline.", words=False),
            Head("groups", "", "groups", "Rows that share a letter are not told apart.", True),
            *table.heads,
        ],
        _lines(board, table, methods),
        full_table(block),
        wrong,
        [
            note
            for note in (best_note(table, block.level), *notes(board))
            if note and note not in wrong
        ],
        [
            LegendKey(i, text, look(i).color if told(i) else "")
            for i, text in enumerate(short_names(board))
        ],
        [
            Drawing(
                each.key,
                each.about,
                each.notes,
                to_svg(each.draw, f"b{number}-{each.key}-", each.titles),
            )
            for each in study_sketches(board, study)
        ],
        matrix(board),
        hard,
        absent(hard, texts, pictures),
        next((getattr(each.card, "licence", "") for each in licence), ""),
        beside_published(runs, registry, level=block.level),
        facts(block),
        protocol_values(block.section),
        [_made(run) for run in runs],
    )


def _lines(board: Board, table: Table, methods: Mapping[Key, Method]) -> list[Line]:
    found = []
    for i, (standing, cells, refs) in enumerate(
        zip(board.standings, table.rows, components_of(board), strict=False)
    ):
        rank = Cell(
            ABSENT if standing.rank is None else str(standing.rank),
            value=None if standing.rank is None else float(standing.rank),
        )
        own = [
            methods[kind, ref.distribution, ref.name]
            for kind, ref in refs
            if (kind, ref.distribution, ref.name) in methods
        ]
        found.append(
            Line(
                look(i).color if told(i) else "",
                standing.groups,
                [rank, Cell(standing.groups or ABSENT), *cells],
                own,
            )
        )
    blank = Cell(ABSENT)  # of rows made elsewhere
    return found + [
        Line("", "", [blank, blank, *cells], []) for cells in table.rows[len(board.standings) :]
    ]


def _made(run: Run) -> Made:
    record, provenance = run.record, run.record.provenance
    if run.done:
        status = ", ".join([record.status, *(spoil.name for spoil in spoiled(run))])
    else:
        status = f"{record.status}: {reason(run)}"
    cost = record.cost
    cpu = cost.total_cpu_seconds if cost is not None else None
    return Made(
        record.run_id,
        name(run.combination),
        record.spec.seed,
        status,
        run.done,
        [
            ABSENT if record.best_step is None else str(record.best_step),
            ABSENT if cost is None else f"{cost.total_seconds:.1f}",
            ABSENT if cpu is None else f"{cpu:.1f}",
            *(
                [ABSENT] * 5
                if provenance is None
                else [
                    provenance.device_name,
                    provenance.started[:10],
                    ", ".join(f"{key} {value}" for key, value in provenance.libraries.items()),
                    short_commit(provenance.git_commit) if provenance.git_commit else ABSENT,
                    str(provenance.restarts),
                ]
            ),
        ],
    )
