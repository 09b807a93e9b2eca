"""`vsebench check`: whether components do what their kinds promise."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vsebench.cli.plugins import KindOption, check_kind
from vsebench.cli.shared.options import PluginFiles, TableOrJson  # noqa: TC001  # typer reads annotations at run time
from vsebench.plugin.errors import SpecError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vsebench.testing.poolings.cost import Cost
    from vsebench.testing.report import ComponentReport, Result
    from vsebench.testing.subject import Subject

BROKEN_PROMISE = 1


def conformance_command(
    target: Annotated[
        str | None,
        typer.Argument(
            help="A component, with parameters if any; an installed distribution; a plugin's "
            "Python file or project folder.",
            show_default=False,
        ),
    ] = None,
    kind: KindOption = None,
    slow: Annotated[
        bool,
        typer.Option("--slow", help="Also run slow checks, such as compiling with inductor."),
    ] = False,
    data_root: Annotated[
        list[str] | None,
        typer.Option(metavar="DIR", help="Folder to search for data sets; repeatable."),
    ] = None,
    plugin: PluginFiles = None,
    form: TableOrJson = "table",
    list_promises: Annotated[
        bool,
        typer.Option("--list", help="List the promises of each kind, and check nothing."),
    ] = False,
) -> None:
    """Run the conformance kit: check that components keep the promises of their kind and of their
    cards. Exit code 0: all kept; 1: one is not; 2: wrong request.
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


_MARKS = {"passed": "ok", "failed": "FAIL", "skipped": "skip"}


def component_lines(report: ComponentReport) -> Iterator[str]:
    """A line a check, and under a failed one what was found and how to see it again."""
    origin = report.subject.component.origin
    yield f"{report.subject.spec} ({report.subject.kind}, {origin.distribution} {origin.version})"
    for result in report.results:
        yield f"  {_MARKS[result.outcome]:4}  {result.name}{_reason(result)}"
        if result.failure is not None:
            yield from (f"        {line}" for line in str(result.failure).splitlines())
    if report.costs:
        yield from _cost_lines(report.costs)
    yield ""


def _reason(result: Result) -> str:
    return f": {result.reason}" if result.reason else ""


def _cost_lines(costs: Sequence[Cost]) -> Iterator[str]:
    from tabulate import tabulate

    rows = [
        (cost.name, f"{cost.milliseconds:.1f}", f"{cost.saved_mb:.1f}", f"{cost.parameters:,}")
        for cost in costs
    ]
    headers = ("forward and backward on this CPU", "ms", "MB kept between", "parameters")
    table = tabulate(
        rows,
        headers=headers,
        tablefmt="plain",
        colalign=("left", "right", "right", "right"),
        disable_numparse=True,
    )
    yield from (f"  {line}" for line in table.splitlines())


def verdict(reports: Sequence[ComponentReport]) -> str:
    """One line."""
    passed, failed, skipped = (
        sum(report.count(outcome) for report in reports)
        for outcome in ("passed", "failed", "skipped")
    )
    broken = [report.subject.spec for report in reports if report.count("failed")]
    end = f"; broken promises: {', '.join(broken)}" if broken else ""
    return f"{passed} passed, {failed} failed, {skipped} skipped{end}"


def as_dict(reports: Sequence[ComponentReport]) -> dict[str, Any]:
    """The report for programs."""
    return {
        "schema": 1,
        "passed": not any(report.count("failed") for report in reports),
        "components": [_component(report) for report in reports],
    }


def _component(report: ComponentReport) -> dict[str, Any]:
    subject = report.subject
    return {
        "kind": subject.kind,
        "spec": subject.spec,
        "distribution": subject.component.origin.distribution,
        "checks": [_result(result) for result in report.results],
        "costs": [asdict(cost) for cost in report.costs],
    }


def _result(result: Result) -> dict[str, Any]:
    failure = result.failure
    found = (
        None
        if failure is None
        else {
            name: getattr(failure, name)
            for name in ("what", "on", "expected", "found", "reproduce")
        }
    )
    return {
        "name": result.name,
        "summary": result.summary,
        "outcome": result.outcome,
        "seconds": round(result.seconds, 3),
        "reason": result.reason or None,
        "failure": found,
    }
