"""How a suite of the pattern task is planned."""

from __future__ import annotations

import pytest

from tests.patterns.test_run import planned
from vsebench.plugin import SpecError


def test_every_pattern_pooling_and_seed_is_a_run() -> None:
    runs = planned(
        dataset="patterns,patterns:pattern=max-10", pooling="gpo,mean", seeds="3-4", set={}
    )
    assert [(run.dataset.spec, *run.combination, run.seed) for run in runs] == [
        (dataset, pooling, "mse", seed)
        for dataset in ("patterns", "patterns:pattern=max-10")
        for pooling in ("gpo", "mean")
        for seed in (3, 4)
    ]
    assert len({run.run_id for run in runs}) == 8
    assert {run.protocol.name for run in runs} == {"vse-infinity-patterns"}
    assert runs[0].context == {"dim": 16, "batch_size": 32}


def test_a_suite_that_names_no_pooling_has_the_defaults() -> None:
    assert {run.combination for run in planned()} == {("gpo", "mse"), ("maxavg", "mse")}


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"pooling": "gpo/mean"}, "write gpo,mean"),
        ({"loss": "triplet"}, "'triplet' serves the retrieval task"),
        ({"similarity": "dot"}, "which uses no similarity"),
        ({"sampler": "uniform"}, "which uses no sampler"),
        ({"dataset": "patterns,scenes"}, "serves the patterns task, 'scenes' the retrieval task"),
        ({"dataset": "patterns:pattern=max-2"}, "max-10"),
        ({"protocol": "quick"}, "protocol 'quick' is of the retrieval task"),
        ({"set": {"embed_dim": 8}}, "unknown protocol key 'embed_dim'"),
    ],
)
def test_what_the_task_does_not_have_is_refused(values: dict[str, object], says: str) -> None:
    with pytest.raises(SpecError, match=says):
        planned(**values)


def test_rows_can_be_tuned() -> None:
    tuned = [
        {
            "dataset": "patterns:pattern=max-1:dim=4:sets=50",
            "pooling": name,
            "loss": "mse",
            "set": {"lr": lr},
        }
        for name, lr in (("gpo", 0.02), ("gem", 0.1))
    ]
    runs = planned(pooling="gpo,gem", tuned=tuned, set={})
    assert [run.protocol.lr for run in runs] == [0.02, 0.1]
    assert {run.tuned_keys for run in runs} == {("lr",)}
