"""`vsebench audit DIR`: whether runs are as they were left, and their figures follow from them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

DAMAGED = 3


def audit_command(
    directory: Annotated[
        Path,
        typer.Argument(
            metavar="DIR",
            help="The folder that 'vsebench run --out' wrote to, or that of a pack.",
        ),
    ] = Path("runs"),
) -> None:
    """Check every run under DIR: checksums, ids against specs, metrics against ranks, copies; exit
    with 3 when something is found.
    """
    from vsebench.results.audit import audit

    found = audit(directory)
    for finding in found.findings:
        typer.echo(f"{finding.run}/{finding.file}: {finding.why}")
    bad = len({finding.run for finding in found.findings})
    typer.echo(
        f"{found.runs} run{'s' * (found.runs != 1)}, {bad} with findings; checksums of "
        f"{found.sealed}, metrics computed again of {found.retested}"
    )
    raise typer.Exit(DAMAGED if bad else 0)
