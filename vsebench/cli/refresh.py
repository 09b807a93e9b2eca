"""`vsebench refresh`: the tables of Markdown documents, made again from their runs."""

from __future__ import annotations

import io
import shlex
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vsebench.cli.shared.messages import GATE_FAILED
from vsebench.cli.shared.wrong_options import usage_message
from vsebench.plugin.errors import SpecError, VsebenchError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable

    from vsebench.report.document import Place

TABLES = ("report", "leaderboard", "compare", "speedup", "claims", "bench")
"""The commands whose output a document may hold: they read runs, `bench` a file of figures, and
write to standard output.
"""

_WRITING = ("--html", "--plot", "--out")
_FENCES = {"table": "text", "csv": "csv", "json": "json", "latex": "latex"}


def refresh_command(
    context: typer.Context,
    documents: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="Markdown files with markers.")
    ],
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit with 3 if a table is outdated.")
    ] = False,
) -> None:
    """Regenerate the tables in Markdown files, each with the command in the marker before it, <!--
    vsebench report DIR -->; <!-- /vsebench --> ends the table. Folders are relative to the working
    directory.
    """
    marked = [document for document in documents if _places(document)]
    if not marked:
        raise SpecError(
            f"{documents[0]} has no marker: write '<!-- vsebench report DIR -->' and "
            "'<!-- /vsebench -->' on lines of their own where the table is to be"
        )
    root = context.find_root().command.main
    stale = [old for document in marked for old in _refresh(document, root, check=check)]
    if check:
        for old in stale:
            typer.echo(f"{old}: not current")
        raise typer.Exit(GATE_FAILED if stale else 0)


def content_of(command: str, vsebench: Callable[..., object]) -> str:
    """What stands between the markers of a command.

    Args:
        command: the marker's command line.
        vsebench: `main` of the command that has all subcommands.

    Raises:
        VsebenchError: it is none of `TABLES`, writes files, or is refused by itself.
    """
    from vsebench.report.tables.formats import WIDTH

    try:
        _, *arguments = shlex.split(command)
    except ValueError as error:
        raise SpecError(f"'{command}' is no command line: {error}") from error
    _check(arguments)
    if arguments[0] in ("report", "leaderboard", "speedup"):
        arguments[1:1] = ["--width", str(WIDTH)]
    output = io.StringIO()
    try:
        with redirect_stdout(output):
            vsebench(args=arguments, prog_name="vsebench", standalone_mode=False)
    except typer.TyperException as error:
        raise SpecError(usage_message(error)) from error
    text = output.getvalue().strip("\n")
    form = _option(arguments, "--format") or ("md" if arguments[0] == "bench" else "table")
    return f"\n{text}\n\n" if form == "md" else f"```{_FENCES[form]}\n{text}\n```\n"


def _refresh(document: Path, vsebench: Callable[..., object], *, check: bool) -> list[str]:
    """Makes the tables of a document again; returns where they were not current."""
    from vsebench.files import write_text
    from vsebench.report.document import with_contents

    found, contents = _places(document), []
    for place in found:
        try:
            contents.append(content_of(place.command, vsebench))
        except VsebenchError as error:
            raise VsebenchError(f"{document}, line {place.line}: {error}") from error
    stale = [
        f"{document}, line {place.line}: {place.command}"
        for place, content in zip(found, contents, strict=True)
        if place.content != content
    ]
    if not check:
        if stale:
            write_text(document, with_contents(_read(document), contents))
        noun = f"table{'s' * (len(found) > 1)}"
        typer.echo(f"{document}: {len(found)} {noun}, {len(stale) or 'none'} of them changed")
    return stale


def _places(document: Path) -> list[Place]:
    from vsebench.report.document import places

    try:
        return places(_read(document))
    except SpecError as error:
        raise SpecError(f"{document}, {error}") from error


def _read(document: Path) -> str:
    from vsebench.files import open_regular

    try:
        with io.TextIOWrapper(open_regular(document), encoding="utf-8") as file:
            return file.read()
    except UnicodeDecodeError as error:
        raise SpecError(f"cannot read {document}: it is no text in UTF-8") from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise SpecError(f"cannot read {document}: {reason}") from error


def _check(arguments: list[str]) -> None:
    """Refuses what would do more than print a table."""
    name = arguments[0] if arguments else ""
    if name not in TABLES:
        asked = " ".join(["vsebench", *arguments[:1]])
        raise SpecError(f"'{asked}' makes no table of a document: {did_you_mean(name, TABLES)}")
    for option in (*_WRITING, "--help"):
        if _option(arguments, option) is not None:
            raise SpecError(f"take out {option}: a marker's command only prints its table")
    if name == "bench" and _option(arguments, "--from") is None:
        raise SpecError("add --from FILE: a marker's command measures nothing")


def _option(arguments: list[str], option: str) -> str | None:
    """The value of an option, empty where it has none; None where it is not given."""
    for i, argument in enumerate(arguments):
        if argument == option:
            return arguments[i + 1] if i + 1 < len(arguments) else ""
        if argument.startswith(f"{option}="):
            return argument.partition("=")[2]
    return None
