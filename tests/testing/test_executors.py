"""The promises of executors: kept by one, and each broken by another."""

from __future__ import annotations

import pytest

from tests.testing import broken_executors as made
from tests.testing.made import broken, subject
from vsebench.testing.executors import PROMISES

ALL = {promise.name for promise in PROMISES}
pytestmark = pytest.mark.timeout(600)
EXECUTORS: list[tuple[type, set[str]]] = [
    (made.Sound, set()),
    (made.TriesAgain, {"executes_every_run_once"}),
    (made.DamagesModels, {"gives_the_records_of_the_local_executor"}),
    (made.SaysNothingOfBusyRuns, {"a_busy_run_is_put_off"}),
    (made.SaysNothingOfProgress, {"reports_in_order"}),
    (made.ReportsFromThreads, {"reports_in_order"}),
    (made.AnyOrder, ALL - {"an_interrupt_leaves_no_process"}),
    (made.StopsAtAFailure, ALL - {"an_interrupt_leaves_no_process"}),
    (made.CallsDeathFailure, {"a_killed_run_is_reported"}),
    (made.LeavesProcesses, {"an_interrupt_leaves_no_process"}),
    (made.GoesOn, {"an_interrupt_leaves_no_process"}),
]


@pytest.fixture(autouse=True)
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not ended is not waited for."""
    monkeypatch.setattr("vsebench.testing.executors.promises.GRACE_SECONDS", 0.5)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("executor", "promises"),
    [pytest.param(executor, promises, id=executor.__name__) for executor, promises in EXECUTORS],
)
def test_executors(executor: type, promises: set[str]) -> None:
    assert broken(subject("executor", executor)) == promises
