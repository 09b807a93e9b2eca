"""The promises of executors: kept by one, and each broken by another."""

from __future__ import annotations

import pytest

from tests.testing import broken_executors as made
from tests.testing.made import broken, subject
from vsebench.testing.executors import PROMISES

BUSY = {"a_busy_run_is_put_off", "a_run_that_others_end_has_ended"}
OF_THE_GRID = {promise.name for promise in PROMISES} - {
    "an_interrupt_leaves_no_process",
    "a_run_that_others_end_has_ended",
}
pytestmark = pytest.mark.timeout(600)
EXECUTORS: list[tuple[type, set[str]]] = [
    (made.Sound, set()),
    (made.TriesAgain, {"executes_every_run_once"}),
    (made.DamagesModels, {"gives_the_records_of_the_local_executor"}),
    (made.SaysNothingOfBusyRuns, BUSY),
    (made.SaysOneEnd, {"a_run_that_others_end_has_ended"}),
    (made.SaysNothingOfProgress, {"reports_in_order"}),
    (made.ReportsFromThreads, {"reports_in_order"}),
    (made.AnyOrder, OF_THE_GRID),
    (made.StopsAtAFailure, OF_THE_GRID),
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
