"""`vsebench compare`: every row against one of them."""

from __future__ import annotations

import json
import math
from pathlib import Path  # noqa: TC003  # typer reads annotations at run time
from typing import Annotated

import typer

from vsebench.cli.options import TableOrJson  # noqa: TC001  # typer reads annotations at run time
from vsebench.plugin.errors import SpecError


def compare_command(
    directory: Annotated[
        Path,
        typer.Argument(
            metavar="DIR", help="The folder that 'vsebench run --out' wrote to.", show_default=False
        ),
    ],
    reference: Annotated[
        str,
        typer.Option(
            "--to",
            metavar="ROW",
            help="The row to compare the others with: POOLING,LOSS or SAMPLER,LOSS.",
            show_default=False,
        ),
    ],
    margin: Annotated[
        float | None,
        typer.Option(
            min=0,
            help="RSUM (or MAP) that a row may lose and still be no worse; set it before you "
            "look. [default: 2.0, or 0.002 MAP]",
        ),
    ] = None,
    form: TableOrJson = "table",
) -> None:
    """Say which rows are better than one of them, which are no worse, and which cannot be told
    apart.
    """
    if margin is not None and not math.isfinite(margin):
        raise SpecError(
            f"--margin takes a finite number, got {margin}: within such a margin every row is no "
            "worse"
        )
    from vsebench.report.comparison import as_dict, compare, margin_of, render
    from vsebench.report.rows import parse_baseline
    from vsebench.report.runs import read_runs
    from vsebench.report.sections import split

    sections = split(read_runs(directory).ended)
    chosen = parse_baseline(reference, sections, "--to")
    compared = [
        (section, compare(section, chosen, margin))
        for section in sections
        if any(run.combination == chosen for run in section.runs)
    ]
    if form == "json":
        rows = [
            {
                "dataset": section.dataset,
                "margin": margin_of(section, margin),
                **as_dict(section, each),
            }
            for section, found in compared
            for each in found
        ]
        typer.echo(
            json.dumps(
                {"schema": 1, "reference": reference, "comparisons": rows},
                indent=1,
                ensure_ascii=False,
                allow_nan=False,
            )
        )
    else:
        typer.echo(
            "\n\n".join(
                f"{section.dataset} · "
                f"test\n\n{render(section, found, chosen, margin_of(section, margin))}"
                for section, found in compared
            )
        )
