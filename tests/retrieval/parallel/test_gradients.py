"""One rank and two give the same loss and the same gradients on the same batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.retrieval.parallel.ranks import Ranks
from tests.retrieval.parallel.steps import small_step, whole_step
from vsebench.retrieval.parallel.world import ALONE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.retrieval.parallel.steps import Measured
    from vsebench.results.spec import RunSpec

LOSSES = ("triplet", "sum-hinge", "infonce", "siglip", "adaptive", "selhn")
POOLINGS = ("mean", "maxavg", "gpo", "softmax", "adaptive")


@pytest.fixture(scope="module")
def ranks() -> Iterator[Ranks]:
    with Ranks() as started:
        yield started


def assert_same(found: Measured, expected: Measured, tolerance: float) -> None:
    assert found[0] == pytest.approx(expected[0], rel=tolerance)
    assert found[1].keys() == expected[1].keys()
    assert any(np.abs(values).max() > 1e-3 for values in expected[1].values())
    largest = max(float(np.abs(values).max()) for values in expected[1].values())
    for name, values in expected[1].items():
        np.testing.assert_allclose(
            found[1][name], values, rtol=0, atol=tolerance * largest, err_msg=name
        )


@pytest.mark.parametrize("count", [2, 7, 8])
@pytest.mark.parametrize(
    ("pooling", "loss"),
    [*(("mean", loss) for loss in LOSSES), *((pooling, "infonce") for pooling in POOLINGS[1:])],
)
def test_in_float64_they_agree_to_the_last_digits(
    ranks: Ranks, pooling: str, loss: str, count: int
) -> None:
    expected = small_step(ALONE, pooling, loss, count)
    for found in ranks.call(small_step, pooling, loss, count):
        assert_same(found, expected, 1e-12)


@pytest.mark.parametrize(
    ("pooling", "loss"), [("mean", "triplet"), ("gpo/mean", "infonce"), ("adaptive", "siglip")]
)
def test_a_step_of_a_run_agrees_within_rounding(
    ranks: Ranks,
    plan_runs: Callable[..., tuple[RunSpec, ...]],
    tmp_path: Path,
    pooling: str,
    loss: str,
) -> None:
    (run,) = plan_runs(
        pooling=pooling,
        loss=loss,
        set={"batch_size": 33, "augment_words": 0.2, "drop_regions": 0.2},
    )
    asked = run.model_dump_json(), str(tmp_path)
    expected = whole_step(ALONE, *asked)
    for found in ranks.call(whole_step, *asked):
        assert_same(found, expected, 2e-5)
