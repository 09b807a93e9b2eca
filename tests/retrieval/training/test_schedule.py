from __future__ import annotations

import pytest

from vsebench.results.protocol import Protocol
from vsebench.retrieval.training.schedule import Schedule


def test_the_published_schedule_cuts_the_rate_at_epoch_15_and_warms_up_for_one_epoch() -> None:
    schedule = Schedule(Protocol(), captions=145_000)
    assert schedule.steps_per_epoch == 1132
    assert schedule.total == 25 * 1132
    assert schedule.warmup_steps == 1132
    assert schedule.lr(15 * 1132 - 1) == 5e-4
    assert schedule.lr(15 * 1132) == pytest.approx(5e-5)


def test_evaluations_are_equally_spaced_and_include_every_epoch_end() -> None:
    schedule = Schedule(Protocol(epochs=2, evals_per_epoch=4, batch_size=10), captions=109)
    assert sorted(schedule.evaluations) == [2, 5, 8, 10, 12, 15, 18, 20]
    assert [done for done in sorted(schedule.evaluations) if schedule.ends_epoch(done)] == [10, 20]


def test_more_evaluations_than_steps_are_one_per_step() -> None:
    schedule = Schedule(Protocol(epochs=1, evals_per_epoch=50, batch_size=10), captions=30)
    assert sorted(schedule.evaluations) == [1, 2, 3]


def test_a_warm_start_has_no_warm_up() -> None:
    assert Schedule(Protocol(), captions=1280, warm_start=True).warmup_steps == 0
