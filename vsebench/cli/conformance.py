"""`vsebench check`: whether components do what their kinds promise."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vsebench.cli.formats import TableOrJson  # noqa: TC001  # typer reads annotations at run time
from vsebench.cli.plugin_files import PluginFiles  # noqa: TC001  # typer reads annotations at run time
from vsebench.cli.plugins import KindOption, check_kind
from vsebench.plugin.errors import SpecError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vsebench.testing.report import ComponentReport
    from vsebench.testing.subject import Subject

BROKEN_PROMISE = 1


def conformance_command(
    target: Annotated[
        str | None,
        typer.Argument(
            help="A component, with parameters where it has any; an installed distribution; a "
            "plugin's Python file or project folder.",
            show_default=False,
        ),
    ] = None,
    kind: KindOption = None,
    slow: Annotated[
        bool,
        typer.Option(
            "--slow", help="Also what takes many seconds, such as compiling with inductor."
        ),
    ] = False,
    data_root: Annotated[
        list[str] | None,
        typer.Option(metavar="DIR", help="Folder to look for data sets in; repeatable."),
    ] = None,
    plugin: PluginFiles = None,
    form: TableOrJson = "table",
    list_promises: Annotated[
        bool,
        typer.Option(
            "--list", help="Print what components of each kind promise, and check nothing."
        ),
    ] = False,
) -> None:
    """Check that components keep the promises of their kind and of their own cards. Exit code 0:
    they do; 1: one does not; 2: the request is wrong.
    """
    check_kind(kind)
    if list_promises:
        typer.echo("\n".join(_promise_lines(kind)))
        return
    if target is None:
        raise SpecError(
            "say what to check: a component, a distribution, a plugin's file or folder; 'vsebench "
            "check --list' prints the promises"
        )
    from vsebench.testing.targets import subjects

    found = subjects(
        target,
        kind=kind,
        data_roots=[Path(root) for root in data_root or []],
        plugins=tuple(plugin or ()),
    )
    failed = _check(found, slow=slow, as_json=form == "json")
    raise typer.Exit(BROKEN_PROMISE if failed else 0)


def _check(subjects: Sequence[Subject], *, slow: bool, as_json: bool) -> bool:
    """Prints the report of each component as it is made, or one JSON document; true when a promise
    is broken.
    """
    from vsebench.cli.conformance_view import as_dict, component_lines, verdict
    from vsebench.testing.report import reports

    done: list[ComponentReport] = []
    for report in reports(subjects, slow=slow):
        done.append(report)
        if not as_json:
            typer.echo("\n".join(component_lines(report)))
    typer.echo(json.dumps(as_dict(done), indent=1) if as_json else verdict(done))
    return any(report.count("failed") for report in done)


def _promise_lines(kind: str | None) -> Iterator[str]:
    from vsebench.testing.kinds import GROUPS, promises

    for group in [group for name in GROUPS if kind in (None, name) for group in GROUPS[name]]:
        yield f"{group}:"
        yield from (
            f"  {promise.name}{' (--slow)' if promise.slow else ''}: {promise.summary}"
            for promise in promises(group)
        )
