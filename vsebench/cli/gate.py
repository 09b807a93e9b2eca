"""`vsebench gate`: whether a change of code left a suite's numbers alone, or made a row worse."""

from __future__ import annotations

import json
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vsebench.cli.shared.options import PluginFiles, Quiet, TableOrJson  # noqa: TC001  # typer reads annotations at run time
from vsebench.cli.shared.suite_options import (
    Changes,
    DataRoots,
    DeviceName,
    Workers,
    suite_from,
)
from vsebench.plugin.errors import SpecError

if TYPE_CHECKING:
    from vsebench.gate.gate import Found

EXIT_CODES = {"passed": 0, "failed": 3, "nothing compared": 4}


def gate_command(
    suite: Annotated[
        str,
        typer.Argument(
            metavar="SUITE", help="A suite file (TOML) of short, complete runs.", show_default=False
        ),
    ],
    against: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The baseline to compare with.", show_default=False),
    ] = None,
    write: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write a baseline of the current code; with --against, if it passes, add this "
            "machine's fingerprint to the baseline.",
            show_default=False,
        ),
    ] = None,
    reference: Annotated[
        int,
        typer.Option(
            metavar="N",
            min=0,
            help="With --write: reference runs per row; 0 for fingerprints only.",
        ),
    ] = 30,
    margin: Annotated[
        float | None,
        typer.Option(
            min=0,
            help="Loss of the headline metric to detect; with --write, kept in the file. [default: "
            "that of the file, or 3.0 RSUM, 0.003 MAP]",
        ),
    ] = None,
    data_root: DataRoots = None,
    changes: Changes = None,
    device: DeviceName = None,
    workers: Workers = None,
    plugin: PluginFiles = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Keep the runs in this empty folder. [default: they are deleted]",
            show_default=False,
        ),
    ] = None,
    quiet: Quiet = False,
    form: TableOrJson = "table",
) -> None:
    """Test whether a change of code changed a suite's numbers and, if so, whether a row got worse,
    by new runs. Exit with 3 if one did, with 4 if nothing could be compared.
    """
    if against is None and write is None:
        raise SpecError("a gate needs --against FILE, or --write FILE to make the baseline")
    if margin is not None and not 0 < margin < float("inf"):
        raise SpecError(f"--margin takes a positive finite number, got {margin:g}")
    if out is not None and out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise SpecError(
            f"--out {out} is not empty: runs of other code there would stand in for new ones"
        )
    wanted = suite_from(
        suite,
        changes=changes,
        data_root=data_root,
        device=device,
        workers=workers,
        plugin=plugin,
    )
    from vsebench.cli.shared.progress import progress
    from vsebench.gate.baseline import read_baseline, write_baseline
    from vsebench.gate.gate import Gate
    from vsebench.grid.forking import preloading_for

    before = None if against is None else read_baseline(against)
    with ExitStack() as stack:
        folder = out or Path(stack.enter_context(tempfile.TemporaryDirectory("-vsebench-gate")))
        stack.enter_context(preloading_for(wanted))
        gate = Gate(
            wanted,
            folder,
            lambda plan: progress(plan, quiet=quiet),
            lambda text: None if quiet else typer.echo(f"vsebench: {text}", err=True),
        )
        if before is None or against is None:
            assert write is not None
            made = gate.baseline(reference, margin)
            write_baseline(write, made)
            typer.echo(f"{write}: {len(made.rows)} rows, {reference} reference runs of each")
            return
        found = gate.against(before, against, margin)
    _print(found, against, form)
    if write is not None and found.outcome == "passed":
        kept = before if margin is None else before.model_copy(update={"margin": margin})
        write_baseline(write, kept.with_fingerprint(found.now))
    raise typer.Exit(EXIT_CODES[found.outcome])


def _print(found: Found, against: Path, form: str) -> None:
    """The answer on stdout, and why the gate failed on stderr."""
    from vsebench.gate.gate import as_dict
    from vsebench.gate.text import failure_text, report

    typer.echo(
        json.dumps(as_dict(found), indent=1, ensure_ascii=False, allow_nan=False)
        if form == "json"
        else report(found, against)
    )
    if found.outcome != "passed":
        typer.echo(f"vsebench: gate {found.outcome}: {failure_text(found)}", err=True)
