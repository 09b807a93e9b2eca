"""Runs checks and says what came of each."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from vsebench.testing.check import ConformanceError, NotCheckedError, UnusableError
from vsebench.testing.kinds import checks_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vsebench.testing.check import Check
    from vsebench.testing.poolings.cost import Cost
    from vsebench.testing.subject import Subject

Outcome = Literal["passed", "failed", "skipped"]


@dataclass(frozen=True)
class Result:
    """What came of one check.

    Attributes:
        name: name of the promise.
        summary: what it promises.
        outcome: outcome of the check.
        seconds: seconds that it took.
        failure: what was found, where it failed.
        reason: why it was skipped.
    """

    name: str
    summary: str
    outcome: Outcome
    seconds: float
    failure: ConformanceError | None = None
    reason: str = ""


@dataclass(frozen=True)
class ComponentReport:
    """Of one component.

    Attributes:
        subject: the component.
        results: results of its checks.
        costs: costs of a pooling, and of those that it is measured beside.
    """

    subject: Subject
    results: tuple[Result, ...]
    costs: tuple[Cost, ...] = field(default=())

    def count(self, outcome: Outcome) -> int:
        return sum(result.outcome == outcome for result in self.results)


def run(check: Check) -> Result:
    """Checks one promise."""
    start = time.perf_counter()
    outcome: Outcome = "passed"
    failure, reason = None, ""
    try:
        check()
    except ConformanceError as error:
        outcome, failure = "failed", error
    except NotCheckedError as error:
        outcome, reason = "skipped", str(error)
    return Result(
        check.promise.name,
        check.promise.summary,
        outcome,
        time.perf_counter() - start,
        failure,
        reason,
    )


def reports(subjects: Sequence[Subject], *, slow: bool = False) -> Iterator[ComponentReport]:
    """Checks components one after the other; a pooling that keeps every promise is measured,
    too.
    """
    for subject in subjects:
        results = tuple(_results(checks_of(subject, slow=slow)))
        sound = all(result.outcome != "failed" for result in results)
        yield ComponentReport(
            subject, results, _costs(subject) if sound and subject.kind == "pooling" else ()
        )


def _results(checks: Sequence[Check]) -> Iterator[Result]:
    """Up to one that says that nothing else can be checked."""
    for check in checks:
        result = run(check)
        yield result
        if isinstance(result.failure, UnusableError):
            return


def _costs(subject: Subject) -> tuple[Cost, ...]:
    from vsebench.testing.poolings.cost import costs

    return tuple(costs(subject))
