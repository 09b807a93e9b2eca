"""`vsebench gate`: whether a change of code left a suite's numbers alone, or made a row worse."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vsebench.cli.shared.messages import GATE_FAILED, NOTHING_COMPARED, print_json, say
from vsebench.cli.shared.options import Quiet, TableOrJson
from vsebench.cli.shared.suite_options import SuiteOptions, suite_from, takes_suite
from vsebench.plugin.errors import SpecError

if TYPE_CHECKING:
    from vsebench.gate.gate import Found

EXIT_CODES = {"passed": 0, "failed": GATE_FAILED, "nothing compared": NOTHING_COMPARED}


@takes_suite("data_root", "set", "device", "workers", "plugin")
def gate_command(
    suite: Annotated[
        str, typer.Argument(metavar="SUITE", help="A suite file (TOML) of short, complete runs.")
    ],
    *,
    against: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The baseline to compare with.")
    ] = None,
    write: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write a baseline of the current code; with --against, if it passes, add this "
            "machine's fingerprint to the baseline.",
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
    options: SuiteOptions,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Keep the runs in this empty folder. [default: they are deleted]"
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
    wanted = suite_from(suite, options)
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
            lambda text: None if quiet else say(text),
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
    from vsebench.gate.text import as_dict, failure_text, report

    if form == "json":
        print_json(as_dict(found))
    else:
        typer.echo(report(found, against))
    if found.outcome != "passed":
        say(f"gate {found.outcome}: {failure_text(found)}")
