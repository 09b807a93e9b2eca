"""`vsebench compare`: every row against one of them."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vsebench.cli.shared.messages import GATE_FAILED, print_json, say
from vsebench.cli.shared.options import RUNS, Folders, Level, OnlyNewest, TableOrJson
from vsebench.plugin.errors import SpecError, did_you_mean
from vsebench.report.statistics.means import LEVEL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vsebench.report.comparison.verdicts import Combination, Terms
    from vsebench.report.rows.sections import Section

    Asked = Sequence[tuple[Section, Terms]]

_MAY_FAIL = ("worse", "undecided", "no evidence")


def compare_command(
    reference: Annotated[
        str,
        typer.Option(
            "--to",
            metavar="ROW",
            help="The reference row: POOLING,LOSS or SAMPLER,LOSS; POOLING,LOSS,tuned for a "
            "tuned one beside an untuned one.",
        ),
    ],
    folders: Folders = None,
    metric: Annotated[
        str | None,
        typer.Option(
            metavar="KEY",
            help="Metric to compare, a column of the JSON such as t2i_r1. [default: rsum or map]",
        ),
    ] = None,
    margin: Annotated[
        float | None,
        typer.Option(
            min=0,
            help="Acceptable loss, for the verdict 'no worse'; set it before you look. [default: "
            "2.0 RSUM, 0.002 MAP, 0 of others]",
        ),
    ] = None,
    hardest: Annotated[
        int | None,
        typer.Option(
            "--queries",
            metavar="N",
            min=0,
            help="Also count the queries on which rows win, tie and lose, and list the N hardest.",
        ),
    ] = None,
    data_root: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="DIR",
            help="Folder of the data set, to show captions with --queries; repeatable.",
        ),
    ] = None,
    fail_on: Annotated[
        str | None,
        typer.Option(
            metavar="LIST",
            help="Exit with 3 if a row has one of these verdicts: worse, undecided, 'no evidence'.",
        ),
    ] = None,
    level: Level = LEVEL,
    only_newest: OnlyNewest = False,
    form: TableOrJson = "table",
) -> None:
    """Compare every row with a reference row: better, worse, no worse, or undecided."""
    if margin is not None and not math.isfinite(margin):
        raise SpecError(
            f"--margin takes a finite number, got {margin}: within such a margin every row is no "
            "worse"
        )
    failing = _failing(fail_on)
    from vsebench.report.comparison.text import as_dicts, render_all
    from vsebench.report.comparison.verdicts import asked_of, compare_all
    from vsebench.report.rows.gather import read_merged
    from vsebench.report.rows.sections import parse_row, split
    from vsebench.report.rows.variants import option_name

    sections = split(read_merged(folders or [RUNS]).ended, only_newest=only_newest)
    chosen = parse_row(reference, sections, "--to")
    asked = asked_of(sections, chosen, metric, margin, level)
    compared = compare_all(asked, chosen)
    if form == "json":
        counted = {} if hardest is None else {"queries": _queries(asked, chosen, hardest)}
        found = {"schema": 1, "reference": reference, "comparisons": as_dicts(asked, compared)}
        print_json(found | counted)
    else:
        typer.echo(render_all(asked, compared, chosen))
        if hardest is not None:
            _print_queries(asked, chosen, hardest, data_root)
    if bad := [each for those in compared for each in those if each.verdict in failing]:
        rows = ", ".join(f"{option_name(each.combination)} is {each.verdict}" for each in bad)
        say(f"gate failed: against {reference}, {rows}")
        raise typer.Exit(GATE_FAILED)


def _failing(fail_on: str | None) -> tuple[str, ...]:
    """The verdicts that fail a gate.

    Raises:
        SpecError: one is no verdict that may.
    """
    from vsebench.plugin.specs import split_list

    asked = () if fail_on is None else tuple(split_list(fail_on))
    for each in asked:
        if each not in _MAY_FAIL:
            raise SpecError(f"--fail-on '{each}' is no verdict: {did_you_mean(each, _MAY_FAIL)}")
    return asked


def _print_queries(
    asked: Asked, chosen: Combination, hardest: int, data_root: Sequence[Path] | None
) -> None:
    from vsebench.plugin.host.loader import load_plugins
    from vsebench.report.queries.data import captions
    from vsebench.report.queries.tallies import tallies
    from vsebench.report.queries.text import render

    registry = load_plugins().registry
    for section, _ in asked:
        texts = captions(section, data_root, registry).texts if data_root else ()
        typer.echo(f"\n{section.dataset} · queries\n")
        typer.echo(render(tallies(section, chosen, hardest), chosen, texts))


def _queries(asked: Asked, chosen: Combination, hardest: int) -> list[dict[str, object]]:
    from vsebench.report.queries.tallies import tallies
    from vsebench.report.queries.text import as_dict

    return [
        {"dataset": section.dataset, **as_dict(tally)}
        for section, _ in asked
        for tally in tallies(section, chosen, hardest)
    ]
