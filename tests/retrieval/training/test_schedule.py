from __future__ import annotations

import pytest

from vsebench.results.presets import PRESETS
from vsebench.results.protocol import Protocol
from vsebench.retrieval.training.schedule import Schedule


def evaluations(schedule: Schedule) -> list[int]:
    return [done for done in range(1, schedule.total + 1) if schedule.evaluates(done)]


def test_the_published_schedule_cuts_the_rate_at_epoch_15_and_warms_up_for_one_epoch() -> None:
    schedule = Schedule(Protocol(), captions=145_000)
    assert schedule.steps_per_epoch == 1132
    assert schedule.total == 25 * 1132
    assert schedule.warmup_steps == 1132
    assert schedule.lr(15 * 1132 - 1) == 5e-4
    assert schedule.lr(15 * 1132) == pytest.approx(5e-5)


def test_evaluations_are_equally_spaced_and_include_every_epoch_end() -> None:
    schedule = Schedule(Protocol(epochs=2, evals_per_epoch=4, batch_size=10), captions=109)
    assert evaluations(schedule) == [2, 5, 8, 10, 12, 15, 18, 20]
    assert [done for done in evaluations(schedule) if schedule.ends_epoch(done)] == [10, 20]


def test_more_evaluations_than_steps_are_one_per_step() -> None:
    schedule = Schedule(Protocol(epochs=1, evals_per_epoch=50, batch_size=10), captions=30)
    assert evaluations(schedule) == [1, 2, 3]


def test_runs_and_evaluations_without_end_cost_nothing_to_plan() -> None:
    many = 10**20
    schedule = Schedule(Protocol(epochs=many, evals_per_epoch=many, batch_size=10), captions=30)
    assert all(schedule.evaluates(done) for done in (1, 2, 3, schedule.total))


@pytest.mark.parametrize("per_epoch", range(1, 9))
def test_evaluations_are_where_all_of_a_run_counted_out_are(per_epoch: int) -> None:
    for steps in range(1, 9):
        for every in (0, 3, 4):
            protocol = Protocol(
                epochs=3, batch_size=10, evals_per_epoch=per_epoch, eval_every_steps=every
            )
            marks = {
                epoch * steps + round(part * steps / per_epoch)
                for epoch in range(3)
                for part in range(1, per_epoch + 1)
            }
            multiples = range(every, 3 * steps + 1, every) if every else ()
            expected = sorted(marks.union(multiples) - {0})
            assert evaluations(Schedule(protocol, captions=10 * steps)) == expected


def test_a_warm_start_has_no_warm_up() -> None:
    assert Schedule(Protocol(), captions=1280, warm_start=True).warmup_steps == 0


def test_a_partial_batch_is_a_step_of_its_epoch() -> None:
    """Two epochs of batches of 10, 10 and 5 pairs, or of 10 and 10."""
    pace = {"epochs": 2, "batch_size": 10, "evals_per_epoch": 1, "warmup_epochs": 1}
    kept = Schedule(Protocol(**pace, last_batch="keep", lr_decay_at=0.5), captions=25)
    assert (kept.steps_per_epoch, kept.total, kept.warmup_steps, kept.decay_step) == (3, 6, 3, 3)
    assert [kept.pairs(done) for done in range(7)] == [0, 10, 20, 25, 35, 45, 50]
    assert evaluations(kept) == [3, 6]
    assert [kept.ends_epoch(done) for done in range(1, 7)] == 2 * [False, False, True]
    assert [kept.share(step) for step in range(3, 6)] == pytest.approx([0, 1 / 3, 2 / 3])
    assert [kept.ramp(step) for step in range(3, 6)] == pytest.approx([1 / 3, 2 / 3, 1])
    dropped = Schedule(Protocol(**pace, last_batch="drop", lr_decay_at=0.5), captions=25)
    assert (dropped.steps_per_epoch, dropped.total, dropped.decay_step) == (2, 4, 2)
    assert [dropped.pairs(done) for done in range(5)] == [0, 10, 20, 30, 40]


@pytest.mark.parametrize("captions", [20, 30])
def test_nothing_is_left_over_from_whole_batches(captions: int) -> None:
    kept, dropped = (
        Schedule(Protocol(epochs=2, batch_size=10, last_batch=last), captions)
        for last in ("keep", "drop")
    )
    assert kept.steps_per_epoch == dropped.steps_per_epoch == captions // 10
    assert kept.pairs(kept.total) == dropped.pairs(dropped.total) == 2 * captions


def test_fewer_captions_than_a_batch_are_one_step() -> None:
    schedule = Schedule(Protocol(epochs=3, batch_size=10, last_batch="keep"), captions=4)
    assert (schedule.steps_per_epoch, schedule.total, schedule.pairs(3)) == (1, 3, 12)
    assert evaluations(schedule) == [1, 2, 3]


def test_compounding_cuts_count_partial_batches() -> None:
    protocol = Protocol(
        epochs=5,
        batch_size=10,
        last_batch="keep",
        lr=1,
        lr_schedule="compounding",
        lr_decay_at=0.4,
    )
    schedule = Schedule(protocol, captions=11)  # two steps an epoch, cuts from epoch 2 on
    rates = [1, 1, 1, 1, 0.1, 0.1, 0.01, 0.01, 1e-4, 1e-4]
    assert [schedule.lr(step) for step in range(10)] == pytest.approx(rates)


def test_evaluations_at_multiples_of_steps_join_those_of_the_epochs() -> None:
    protocol = Protocol(epochs=3, batch_size=10, evals_per_epoch=1, eval_every_steps=4)
    schedule = Schedule(protocol, captions=65)  # six steps an epoch: multiples cross its end
    assert evaluations(schedule) == [4, 6, 8, 12, 16, 18]


FLICKR30K, COCO = 145_000, 566_435


@pytest.mark.parametrize(
    ("preset", "captions", "steps", "first_evaluations", "cut"),
    [
        ("aoq", FLICKR30K, 1133, [1000, 1133, 2000, 2266, 3000], 10),
        ("aoq", COCO, 4426, [1000, 2000, 3000, 4000, 4426, 5000], 10),
        ("vse++", FLICKR30K, 1133, [283, 566, 850, 1133], 15),
        ("uvs", 30_000, 235, [100, 200, 235, 300, 400, 470, 500], None),
    ],
)
def test_presets_train_on_partial_batches_as_their_code_does(
    preset: str, captions: int, steps: int, first_evaluations: list[int], cut: int | None
) -> None:
    protocol = PRESETS[preset]
    schedule = Schedule(protocol, captions)
    assert schedule.steps_per_epoch == steps
    assert schedule.pairs(schedule.total) == captions * protocol.epochs
    found = evaluations(schedule)
    assert found[: len(first_evaluations)] == first_evaluations
    assert found[-1] == schedule.total
    if cut is None:
        assert schedule.lr(schedule.total - 1) == pytest.approx(2e-4)
    else:
        assert schedule.lr(cut * steps - 1) == 2e-4
        assert schedule.lr(cut * steps) == pytest.approx(2e-5)
