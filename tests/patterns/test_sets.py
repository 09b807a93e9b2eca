"""What is to be learnt, and on which sets."""

from __future__ import annotations

import pytest
import torch
from torch.testing import assert_close

from tests.oracles.patterns import pattern as expected
from vsebench.data.builtin.patterns import NAMES
from vsebench.patterns.data import SEEN, UNSEEN, Patterns
from vsebench.patterns.sets import WEIGHTS, Sets, draw, target


@pytest.mark.parametrize("pattern", WEIGHTS)
def test_targets_equal_a_loop(pattern: str) -> None:
    sets = draw(8, (*UNSEEN, 25), 3, torch.Generator().manual_seed(0))
    loop = [
        [expected(pattern, item[:n, d].tolist()) for d in range(3)]
        for item, n in zip(sets.features, sets.lengths.tolist(), strict=True)
    ]
    assert_close(target(pattern, sets), torch.tensor(loop), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("pattern", WEIGHTS)
def test_small_sets_and_equal_values(pattern: str) -> None:
    one, two = torch.tensor([[[3.0, -1.0]]]), torch.tensor([[[2.0], [2.0]]])
    assert torch.equal(target(pattern, Sets(one, torch.tensor([1]))), one[:, 0])
    assert_close(target(pattern, Sets(two, torch.tensor([2]))), torch.tensor([[2.0]]))


def test_targets_do_not_read_padding() -> None:
    features, lengths = draw(3, (4, 9), 2, torch.Generator().manual_seed(2))
    poisoned = features.clone()
    poisoned[torch.arange(features.shape[1]) >= lengths[:, None]] = torch.nan
    for pattern in WEIGHTS:
        assert torch.equal(
            target(pattern, Sets(poisoned, lengths)), target(pattern, Sets(features, lengths))
        )


def test_sizes_are_the_papers() -> None:
    assert sorted({*SEEN, *UNSEEN}) == list(range(10, 121))
    assert not set(SEEN) & set(UNSEEN)
    lengths = draw(500, SEEN, 1, torch.Generator().manual_seed(0)).lengths
    assert lengths.min() < 25
    assert lengths.max() > 95
    assert set(lengths.tolist()) <= set(SEEN)


def test_a_data_set_offers_every_pattern() -> None:
    assert tuple(WEIGHTS) == NAMES


def test_dev_and_test_are_the_same_for_every_run_and_different_sets(tmp_path) -> None:  # type: ignore[no-untyped-def]
    first, again = (Patterns("max-1", 3, 20).load(tmp_path) for _ in range(2))
    for split in ("dev", "test"):
        for sizes in ("seen", "unseen"):
            assert torch.equal(first.sets(split, sizes).features, again.sets(split, sizes).features)
    dev, test = (first.sets(split, "seen").features for split in ("dev", "test"))
    assert not torch.isin(dev[dev != 0], test).any()
    assert set(first.sets("test", "unseen").lengths.tolist()) <= set(UNSEEN)
    assert not list(tmp_path.iterdir())
