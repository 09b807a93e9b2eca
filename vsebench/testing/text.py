"""What came of checks, as text and for programs."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vsebench.testing.poolings.cost import Cost
    from vsebench.testing.report import ComponentReport, Result

_MARKS = {"passed": "ok", "failed": "FAIL", "skipped": "skip"}


def component_lines(report: ComponentReport) -> Iterator[str]:
    """A line a check, and under a failed one what was found and how to see it again."""
    origin = report.subject.component.origin
    yield f"{report.subject.spec} ({report.subject.kind}, {origin.distribution} {origin.version})"
    for result in report.results:
        reason = f": {result.reason}" if result.reason else ""
        yield f"  {_MARKS[result.outcome]:4}  {result.name}{reason}"
        if result.failure is not None:
            yield from (f"        {line}" for line in str(result.failure).splitlines())
    if report.costs:
        yield from _cost_lines(report.costs)
    yield ""


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
