"""`vsebench verify NAME`: runs against published figures."""

from __future__ import annotations

from typing import Annotated

import typer

from vsebench.cli.shared.messages import GATE_FAILED, NOTHING_COMPARED
from vsebench.cli.shared.options import RUNS, Folder, Level, PluginFiles, TableOrJson
from vsebench.report.statistics.means import LEVEL


def verify_command(
    name: Annotated[
        str,
        typer.Argument(help="A component that has published figures: gpo, triplet, flickr30k, …"),
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
    from vsebench.report.listing import terminal_width
    from vsebench.report.tables.formats import WIDTH
    from vsebench.report.verification.text import render
    from vsebench.report.verification.verify import verify

    registry = load_plugins(tuple(plugin or ())).registry
    found = verify(name, directory, registry, level)
    typer.echo(render(found, form, terminal_width(WIDTH)))
    exits = {"reproduced": 0, "not reproduced": GATE_FAILED}
    raise typer.Exit(exits.get(found.verdict, NOTHING_COMPARED))
