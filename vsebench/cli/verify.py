"""`vsebench verify NAME`: runs against published figures."""

from __future__ import annotations

import shutil
from typing import Annotated

import typer

from vsebench.cli.shared.options import (  # typer reads annotations at run time
    RUNS,
    Folder,
    Level,
    PluginFiles,
    TableOrJson,
)
from vsebench.report.statistics.means import LEVEL

EXIT_CODES = {
    "reproduced": 0,
    "not reproduced": 3,
    "no evidence": 4,
    "too few seeds": 4,
    "nothing compared": 4,
}


def verify_command(
    name: Annotated[
        str,
        typer.Argument(
            help="A component that has published figures: gpo, triplet, flickr30k, …",
            show_default=False,
        ),
    ],
    directory: Folder = RUNS,
    level: Level = LEVEL,
    plugin: PluginFiles = None,
    form: TableOrJson = "table",
) -> None:
    """Compare finished runs with the published figures of a component. Exit with 3 if a row is not
    reproduced, with 4 if it stays open: no evidence, too few seeds, or nothing comparable.
    """
    from vsebench.plugin.host.loader import load_plugins
    from vsebench.report.tables.formats import WIDTH
    from vsebench.report.verification.text import render
    from vsebench.report.verification.verify import verify

    registry = load_plugins(tuple(plugin or ())).registry
    found = verify(name, directory, registry, level)
    typer.echo(render(found, form, shutil.get_terminal_size((WIDTH, 1)).columns))
    raise typer.Exit(EXIT_CODES[found.verdict])
