"""The command `vsebench`: its subcommands, and how it ends."""

from __future__ import annotations

import functools
import os
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vsebench import __version__
from vsebench.cli.add_row import add_row_command
from vsebench.cli.audit import audit_command
from vsebench.cli.bench import bench_command
from vsebench.cli.check import check_command
from vsebench.cli.claims import claims_command
from vsebench.cli.clean import clean_command
from vsebench.cli.compare import compare_command
from vsebench.cli.data.app import data_app
from vsebench.cli.embed import embed_command
from vsebench.cli.ensemble import ensemble_command
from vsebench.cli.evaluate import evaluate_command
from vsebench.cli.export import export_command
from vsebench.cli.gate import gate_command
from vsebench.cli.leaderboard import leaderboard_command
from vsebench.cli.new import new_command
from vsebench.cli.pack import pack_command, unpack_command
from vsebench.cli.plot import plot_command
from vsebench.cli.plugins import plugins_command
from vsebench.cli.refresh import refresh_command
from vsebench.cli.report import report_command
from vsebench.cli.run import run_command
from vsebench.cli.runs import runs_command
from vsebench.cli.search import search_command
from vsebench.cli.shared.extensions import ExtensibleGroup
from vsebench.cli.shared.messages import WRONG_REQUEST
from vsebench.cli.shared.terminal import never_fail
from vsebench.cli.shared.wrong_options import usage_message
from vsebench.cli.show import show_command
from vsebench.cli.site import site_command
from vsebench.cli.speedup import speedup_command
from vsebench.cli.submit import submit_command
from vsebench.cli.throughput import throughput_app
from vsebench.cli.tune import tune_command
from vsebench.cli.verify import verify_command
from vsebench.plugin.errors import VsebenchError

if TYPE_CHECKING:
    from collections.abc import Sequence

INTERRUPTED = 130

app = typer.Typer(
    name="vsebench",
    cls=ExtensibleGroup,
    epilog="Plugins may add commands. Every command has --help.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["--help", "-h"]},
)
for _command in (
    run_command,
    runs_command,
    report_command,
    leaderboard_command,
    site_command,
    plot_command,
    compare_command,
    claims_command,
    gate_command,
    speedup_command,
    refresh_command,
    tune_command,
    evaluate_command,
    add_row_command,
    ensemble_command,
    export_command,
    embed_command,
    search_command,
    plugins_command,
    check_command,
    show_command,
    new_command,
    verify_command,
    pack_command,
    unpack_command,
    audit_command,
    clean_command,
    submit_command,
    bench_command,
):
    app.command(_command.__name__.removesuffix("_command").replace("_", "-"))(_command)
app.add_typer(data_app, name="data")
app.add_typer(throughput_app, name="throughput")


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"vsebench {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    version: Annotated[  # noqa: ARG001
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """A benchmark suite for image-text retrieval: poolings, losses and negative samplers."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@functools.cache
def command() -> Any:
    """The command line as click has it, which takes typer some 70 ms: made once a process."""
    return typer.main.get_command(app)


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line and exits: 0 all well, 1 some runs failed, 2 the request was wrong, 3 a
    gate failed, 4 it had nothing to compare, 130 interrupted.

    Args:
        arguments: instead of those of the process.
    """
    if sys.stdout is None:
        sys.exit(_refuse("standard output is closed: leave it open, or send it to a file"))
    never_fail()
    try:
        result = command().main(
            args=None if arguments is None else list(arguments),
            prog_name="vsebench",
            standalone_mode=False,
        )
        code = result if isinstance(result, int) else 0
        sys.stdout.flush()
    except VsebenchError as error:
        code = _refuse(str(error))
    except KeyboardInterrupt:
        code = INTERRUPTED
    except BrokenPipeError:  # whoever read the output has closed it, and nothing more can be said
        _silence_stdout()
        code = 1
    except OSError as error:
        if not _stdout_is_full():
            raise
        _silence_stdout()
        code = _refuse(f"cannot write to standard output: {error.strerror}")
    except typer.Abort as error:  # how click ends a command that met an EOFError
        if not isinstance(error.__cause__, EOFError):
            raise
        code = _refuse(
            f"what was read ended too early ({error.__cause__}): a file is empty or cut off"
        )
    except typer.TyperException as error:
        code = _refuse(usage_message(error))
    sys.exit(code)


def _stdout_is_full() -> bool:
    """Whether it was standard output that an operation failed on: then it fails again."""
    try:
        print(flush=True)  # noqa: T201
    except OSError:
        return True
    return False


def _silence_stdout() -> None:
    """Lets what still waits to be written go nowhere when the interpreter ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _refuse(message: str) -> int:
    """Says on one line why a request cannot be served."""
    print(f"vsebench: error: {' '.join(message.split())}", file=sys.stderr)  # noqa: T201  # rich and typer would wrap the line
    return WRONG_REQUEST
