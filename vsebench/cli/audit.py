"""`vsebench audit DIR`: whether runs are as they were left, and their figures follow from them."""

from __future__ import annotations

import typer

from vsebench.cli.shared.messages import GATE_FAILED
from vsebench.cli.shared.options import RUNS, FolderOrPack


def audit_command(directory: FolderOrPack = RUNS) -> None:
    """Check every run under DIR: checksums, ids against specs, metrics against ranks, copies. Exit
    with 3 if something is wrong.
    """
    from vsebench.report.wording import count
    from vsebench.results.checks.audit import audit

    found = audit(directory)
    for finding in found.findings:
        typer.echo(f"{finding.run}/{finding.file}: {finding.why}")
    bad = len({finding.run for finding in found.findings})
    typer.echo(
        f"{count(found.runs, 'run')}, {bad} with findings; checksums of "
        f"{found.sealed}, metrics computed again of {found.retested}"
    )
    raise typer.Exit(GATE_FAILED if bad else 0)
