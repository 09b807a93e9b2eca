"""Components made up for tests of the kit, and what becomes of them."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from vsebench.plugin import Card, DatasetCard, LossCard
from vsebench.plugin.registry import Component, Origin
from vsebench.testing import Subject, checks_of
from vsebench.testing.report import run

if TYPE_CHECKING:
    from pathlib import Path

    from vsebench.plugin import Param
    from vsebench.testing import ConformanceError
    from vsebench.testing.report import Result

CARDS: dict[str, Card] = {
    "loss": LossCard("a loss"),
    "dataset": DatasetCard("a data set", prepare="write it", licence="any"),
}


def subject(
    kind: str,
    made: type,
    card: Card | None = None,
    *,
    params: tuple[Param, ...] = (),
    data_root: Path | None = None,
) -> Subject:
    """A class at the top of a test module as a component."""
    component = Component(
        kind,
        made.__name__,
        f"{made.__module__}:{made.__qualname__}",
        params,
        card or CARDS.get(kind) or Card("made up"),
        Origin("made-up", "made-up", "1"),
    )
    return Subject(
        component,
        component.resolve({}),
        component.name,
        data_roots=(data_root,) if data_root else (),
    )


def results(made: Subject) -> dict[str, Result]:
    return {result.name: result for result in map(run, checks_of(made))}


def broken(made: Subject) -> set[str]:
    """The promises that it breaks, after making sure that what the failures say of how to see them
    again is Python that runs.
    """
    failures = {
        name: result.failure for name, result in results(made).items() if result.failure is not None
    }
    for failure in failures.values():
        see_again(made, failure)
    return set(failures)


def see_again(made: Subject, failure: ConformanceError) -> None:
    """Runs the line that a failure gives; compiling again would take too long."""
    code = compile(failure.reproduce, "<reproduction>", "exec")
    if "torch.compile" in failure.reproduce:
        return
    with (
        patch("vsebench.testing.build", lambda *_, **context: made.build(**context)),
        patch("vsebench.testing.find", lambda *_, **context: made),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        try:
            exec(code, {})
        except Exception as error:  # what the component raises is what should be seen
            if isinstance(error, NameError | ImportError):
                raise


def skipped(made: Subject) -> dict[str, str]:
    """The promises that could not be checked, and why."""
    return {
        name: result.reason for name, result in results(made).items() if result.outcome == "skipped"
    }


def only(made: Subject, name: str) -> Any:
    """What came of one check."""
    (check,) = checks_of(made, only=name)
    return run(check)
