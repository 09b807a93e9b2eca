"""The options that say what a suite is, of every command that takes one: they replace what its file
says, and without a file they are the suite.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vsebench.plugin.errors import SpecError
from vsebench.plugin.registry import quote

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vsebench.grid.suite import Suite

_LISTS = "comma-separated"

SuiteFile = Annotated[
    str | None,
    typer.Argument(help="A suite file (TOML); options override it.", show_default=False),
]
Datasets = Annotated[str | None, typer.Option(help=f"Data sets, {_LISTS}. [default: scenes]")]
DataRoots = Annotated[
    list[str] | None,
    typer.Option(
        metavar="DIR",
        help="Folder to search for data sets before $VSEBENCH_DATA and ./data; repeatable.",
    ),
]
Poolings = Annotated[
    str | None,
    typer.Option(
        help=f"Poolings, {_LISTS}; A/B sets image side / text side. [default: gpo,maxavg]"
    ),
]
Similarities = Annotated[str | None, typer.Option(help=f"Similarities, {_LISTS}. [default: dot]")]
Losses = Annotated[
    str | None,
    typer.Option(help=f"Losses, {_LISTS}. [default: triplet,aoq; hinge for annotation data sets]"),
]
Samplers = Annotated[
    str | None,
    typer.Option(
        help=f"Negative samplers, {_LISTS}. [default: uniform,warp,vse-ens for annotation data "
        "sets]"
    ),
]
Seeds = Annotated[
    str | None,
    typer.Option(help="Seeds, as a list or a range: 0,1,2 or 0-5. Not a count. [default: 0]"),
]
Epochs = Annotated[
    int | None, typer.Option(help="Passes over the training captions. [default: the protocol's]")
]
ProtocolName = Annotated[
    str | None,
    typer.Option(help="Preset of the protocol. [default: the data set's]"),
]
Changes = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Change a protocol key, e.g. embed_dim=128; repeatable.",
    ),
]
DeviceName = Annotated[
    str | None,
    typer.Option(
        help="auto, cpu, cuda, or CUDA devices by number, such as cuda:0,cuda:1; with "
        "cuda:0/4 four runs share one. [default: auto]"
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(
        help="Concurrent runs. [default: physical cores, or CUDA devices and shares of them]"
    ),
]
ExecutorName = Annotated[
    str | None, typer.Option(help="Where runs are executed: local, ray or slurm. [default: local]")
]
Address = Annotated[
    str | None,
    typer.Option(metavar="HOST:PORT", help="Address of the cluster, with --executor ray."),
]
MaxRuns = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        help="Most runs that a suite may have; larger suites are refused. [default: 20000]",
    ),
]
RunTimeout = Annotated[
    float | None,
    typer.Option(
        metavar="MINUTES",
        help="Time limit of a run, after which its process is ended and it is recorded as "
        "failed; 0 for none. [default: 0]",
    ),
]
StallTimeout = Annotated[
    float | None,
    typer.Option(
        metavar="MINUTES",
        help="The same for a run without progress (no step, evaluation or new phase); 0 for "
        "none. "
        "[default: 120]",
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print the plan and write nothing.")]


def suite_from(
    file: str | None,
    *,
    changes: Sequence[str] | None,
    address: str | None = None,
    **options: Any,
) -> Suite:
    """The suite of a file with what was given on the command line, or of the options alone.

    Args:
        file: path of the file.
        changes: protocol keys as `--set` takes them.
        address: address of the executor's cluster.
        options: values by key of the suite; those that were not given are left to the file or to
            the defaults.

    Raises:
        VsebenchError: the file or an option is not valid.
    """
    from vsebench.grid.suite import load_suite, make_suite
    from vsebench.grid.suite_fields import COMMAND_LINE

    given = {
        key: value
        for key, value in {**options, "set": _changes(changes or ())}.items()
        if value is not None and value is not False and value not in ([], {})
    }
    if address is not None:
        executor = given.get("executor")
        if executor is None:
            raise SpecError("--address is the executor's: give --executor ray, too")
        given["executor"] = f"{executor}:address={quote(address)}"
    return load_suite(file, given) if file else make_suite(given, COMMAND_LINE)


def _changes(items: Sequence[str]) -> dict[str, str]:
    changes: dict[str, str] = {}
    for item in items:
        key, equals, value = item.partition("=")
        if not key or not equals:
            raise SpecError(f"--set takes KEY=VALUE, such as embed_dim=128; got '{item}'")
        if several := re.split(r",(?=\s*\w+=)", item)[1:]:
            raise SpecError(f"--set takes one key: write --set {several[0].strip()} of its own")
        if key in changes:
            raise SpecError(f"--set gives '{key}' twice: keep one")
        changes[key] = value
    return changes
