"""The options that say what a suite is, of every command that takes one: they replace what its file
says, and without a file they are the suite.
"""

from __future__ import annotations

import functools
import inspect
import json
import re
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from vsebench.cli.shared.options import DATA_ROOT, KEEP, PluginFiles, StrictData
from vsebench.plugin.errors import SpecError
from vsebench.plugin.registry import quote

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from vsebench.grid.suite import Suite
    from vsebench.plugin.params import Scalar

SuiteFile = Annotated[str | None, typer.Argument(help="A suite file (TOML); options override it.")]

SuiteOptions = dict[str, Any]
"""The values of the options that `takes_suite` adds, by key of a suite, `address` besides."""

DryRun = Annotated[bool, typer.Option("--dry-run", help="Print the plan and write nothing.")]


def _text(help_: str, **more: Any) -> Any:
    return Annotated[str | None, typer.Option(help=help_, **more)]


_OPTIONS: Mapping[str, Any] = {
    "dataset": _text("Data sets, comma-separated. [default: scenes]"),
    "data_root": Annotated[list[str] | None, DATA_ROOT],
    "pooling": _text(
        "Poolings, comma-separated; A/B sets image side / text side. [default: gpo,maxavg]"
    ),
    "similarity": _text("Similarities, comma-separated. [default: dot]"),
    "loss": _text(
        "Losses, comma-separated. [default: triplet,aoq; hinge for annotation data sets, mse for "
        "patterns]"
    ),
    "sampler": _text(
        "Negative samplers, comma-separated. [default: uniform,warp,vse-ens for annotation data "
        "sets]"
    ),
    "seeds": _text("Seeds, as a list or a range: 0,1,2 or 0-5. Not a count. [default: 0]"),
    "epochs": Annotated[
        int | None,
        typer.Option(help="Passes over the training captions. [default: the protocol's]"),
    ],
    "protocol": _text("Preset of the protocol. [default: the data set's]"),
    "set": Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=VALUE", help="Change a protocol key, e.g. embed_dim=128; repeatable."
        ),
    ],
    "device": _text(
        "auto, cpu, cuda, or CUDA devices by number, such as cuda:0,cuda:1; with cuda:0/4 four "
        "runs share one. [default: auto]"
    ),
    "workers": Annotated[
        int | None,
        typer.Option(
            help="Concurrent runs. [default: physical cores, or CUDA devices and shares of them]"
        ),
    ],
    "executor": _text("Where runs are executed: local, ray or slurm. [default: local]"),
    "address": _text("Address of the cluster, with --executor ray.", metavar="HOST:PORT"),
    "max_runs": Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Most runs that a suite may have; larger suites are refused. [default: 20000]",
        ),
    ],
    "run_timeout": Annotated[
        float | None,
        typer.Option(
            metavar="MINUTES",
            help="Time limit of a run, after which its process is ended and it is recorded as "
            "failed; 0 for none. [default: 0]",
        ),
    ],
    "stall_timeout": Annotated[
        float | None,
        typer.Option(
            metavar="MINUTES",
            help="The same for a run without progress (no step, evaluation or new phase); 0 for "
            "none. [default: 120]",
        ),
    ],
    "out": _text("Output folder, with a directory per run. [default: runs]"),
    "plugin": PluginFiles,
    "strict_data": StrictData,
    "keep": Annotated[Literal["best", "none"] | None, KEEP],
}


def takes_suite(
    *keys: str, but: Sequence[str] = ()
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Gives a command the options of a suite, which it gets as one mapping: they take the place of
    its parameter `options`.

    Args:
        *keys: keys of the suite that have options; all where none is named.
        but: keys that have none.
    """
    taken = [key for key in keys or _OPTIONS if key not in but]

    def decorated(command: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(command)
        def call(**given: Any) -> None:
            command(options={key: given.pop(key) for key in taken}, **given)

        parameters: list[inspect.Parameter] = []
        signature = inspect.signature(command, eval_str=True)
        for parameter in signature.parameters.values():
            if parameter.name != "options":
                parameters.append(parameter)
                continue
            parameters += [
                parameter.replace(
                    name=key,
                    annotation=_OPTIONS[key],
                    default=False if key == "strict_data" else None,
                )
                for key in taken
            ]
        call.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
        return call

    return decorated


def suite_from(file: str | None, options: Mapping[str, Any]) -> Suite:
    """The suite of a file with what was given on the command line, or of the options alone.

    Args:
        file: path of the file.
        options: values by key of the suite, and the address of the executor's cluster; those that
            were not given are left to the file or to the defaults.

    Raises:
        VsebenchError: the file or an option is not valid.
    """
    from vsebench.grid.suite import load_suite, make_suite
    from vsebench.grid.suite_fields import COMMAND_LINE

    given = {
        key: value
        for key, value in {**options, "set": _changes(options.get("set") or ())}.items()
        if value is not None and value is not False and value not in ([], {})
    }
    if (address := given.pop("address", None)) is not None:
        if "executor" not in given:
            raise SpecError("--address is the executor's: give --executor ray, too")
        given["executor"] += f":address={quote(address)}"
    return load_suite(file, given) if file else make_suite(given, COMMAND_LINE)


def _changes(items: Sequence[str]) -> dict[str, Scalar]:
    changes: dict[str, Scalar] = {}
    for item in items:
        key, equals, value = item.partition("=")
        if not key or not equals:
            raise SpecError(f"--set takes KEY=VALUE, such as embed_dim=128; got '{item}'")
        if several := re.split(r",(?=\s*\w+=)", item)[1:]:
            raise SpecError(f"--set takes one key: write --set {several[0].strip()} of its own")
        if key in changes:
            raise SpecError(f"--set gives '{key}' twice: keep one")
        changes[key] = _typed(value)
    return changes


def _typed(text: str) -> Scalar:
    """A number or a truth value where the text is one, as a suite file has it."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, bool | int | float) else text
