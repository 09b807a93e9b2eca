"""`vsebench claims`: what finished runs make of hypotheses written down before them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vsebench.cli.shared.options import PluginFiles, format_option


def claims_command(
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="Claims files (TOML).")],
    results: Annotated[
        list[Path] | None,
        typer.Option(
            "--results",
            metavar="DIR",
            help="Folder or pack of the runs; repeatable. [default: those of the suites]",
        ),
    ] = None,
    plugin: PluginFiles = None,
    form: Annotated[str, format_option("table", "md", "json")] = "table",
) -> None:
    """Judge claims by the runs made under them: confirmed, refuted, undecided or inadmissible."""
    from vsebench.claims.file import load_claims
    from vsebench.claims.judge import judge
    from vsebench.claims.text import render
    from vsebench.plugin.host.loader import load_plugins
    from vsebench.report.rows.runs import read_runs

    registry = load_plugins(tuple(plugin or ())).registry
    parts = []
    for held in [load_claims(path) for path in files]:
        folders = results or dict.fromkeys(Path(suite.out) for suite in held.suites.values())
        runs = [run for folder in folders for run in read_runs(folder).ended]
        parts.append(render(held, judge(held, runs, registry), form))
    typer.echo("\n\n".join(parts))
