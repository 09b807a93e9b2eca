from __future__ import annotations

import numpy as np
import pytest

from vsebench.plugin import Key
from vsebench_plugins.classic.plans import Random


@pytest.mark.parametrize("n", [0, 1, 1000])
def test_each_epoch_visits_everything_once(n: int) -> None:
    order = Random().plan(0, n, None, Key(3))
    assert order.dtype == np.int64
    assert sorted(order.tolist()) == list(range(n))


def test_epochs_and_seeds_differ() -> None:
    orders = [
        Random().plan(epoch, 100, None, Key(seed)).tolist()
        for epoch in range(3)
        for seed in range(3)
    ]
    assert len({tuple(order) for order in orders}) == 9


def test_the_order_is_a_function_of_key_epoch_and_size() -> None:
    plan = Random()
    first = plan.plan(1, 50, None, Key(0) / "order")
    plan.plan(2, 50, None, Key(7))
    assert plan.plan(1, 50, None, Key(0) / "order").tolist() == first.tolist()
    assert Random().plan(1, 50, None, Key(0) / "order").tolist() == first.tolist()
