"""`vsebench check`: whether components do what their kinds promise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from vsebench.cli.shared.messages import SOME_FAILED, print_json
from vsebench.cli.shared.options import DataRoots, KindOption, PluginFiles, TableOrJson
from vsebench.plugin.errors import SpecError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vsebench.testing.report import ComponentReport
    from vsebench.testing.subject import Subject


def check_command(
    target: Annotated[
        str | None,
        typer.Argument(
            help="A component, with parameters if any; an installed distribution; a plugin's "
            "Python file or project folder."
        ),
    ] = None,
    kind: KindOption = None,
    slow: Annotated[
        bool, typer.Option("--slow", help="Also run slow checks, such as compiling with inductor.")
    ] = False,
    data_root: DataRoots = None,
    plugin: PluginFiles = None,
    form: TableOrJson = "table",
    list_promises: Annotated[
        bool, typer.Option("--list", help="List the promises of each kind, and check nothing.")
    ] = False,
) -> None:
    """Run the conformance kit: check that components keep the promises of their kind and of their
    cards. Exit code 0: all kept; 1: one is not; 2: wrong request.
    """
    if list_promises:
        typer.echo("\n".join(_promise_lines(kind)))
        return
    if target is None:
        raise SpecError(
            "say what to check: a component, a distribution, a plugin's file or folder; 'vsebench "
            "check --list' prints the promises"
        )
    from vsebench.testing.targets import subjects

    found = subjects(target, kind=kind, data_roots=data_root or (), plugins=tuple(plugin or ()))
    failed = _check(found, slow=slow, as_json=form == "json")
    raise typer.Exit(SOME_FAILED if failed else 0)


def _check(subjects: Sequence[Subject], *, slow: bool, as_json: bool) -> bool:
    """Prints the report of each component as it is made, or one JSON document; true when a promise
    is broken.
    """
    from vsebench.testing.report import reports
    from vsebench.testing.text import as_dict, component_lines, verdict

    done: list[ComponentReport] = []
    for report in reports(subjects, slow=slow):
        done.append(report)
        if not as_json:
            typer.echo("\n".join(component_lines(report)))
    if as_json:
        print_json(as_dict(done))
    else:
        typer.echo(verdict(done))
    return any(report.count("failed") for report in done)


def _promise_lines(kind: str | None) -> Iterator[str]:
    from vsebench.testing.kinds import GROUPS, promises

    for group in [group for name in GROUPS if kind in (None, name) for group in GROUPS[name]]:
        yield f"{group}:"
        yield from (
            f"  {promise.name}{' (--slow)' if promise.slow else ''}: {promise.summary}"
            for promise in promises(group)
        )
