"""What images contributed: the same numbers as counted query by query, to the last bit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.factories import make_record
from tests.oracles import recalls as oracle
from vsebench.report.statistics import contributions as module
from vsebench.report.statistics.contributions import Contributions, recalls

if TYPE_CHECKING:
    from numpy.typing import NDArray


def ranks_of(seed: int, images: int) -> dict[str, NDArray[np.integer]]:
    """With one to six captions an image, in any order; two in three ranks among the first."""
    rng = np.random.default_rng(seed)
    owners = rng.permutation(np.repeat(np.arange(images), rng.integers(1, 7, size=images)))
    i2t, t2i = (rng.geometric(0.2, size) - 1 for size in (images, len(owners)))
    return {"i2t": i2t, "t2i": t2i, "text_to_image": owners}


def expected(
    ranks: dict[str, NDArray[np.integer]], fold: int, folds: str = ""
) -> dict[str, list[float]]:
    i2t, t2i = (ranks[f"{side}{folds}"].tolist() for side in ("i2t", "t2i"))
    found: dict[str, list[float]] = {}
    for k in (1, 5, 10):
        of_images, of_captions = oracle.recall(k, i2t, t2i, ranks["text_to_image"].tolist(), fold)
        found |= {f"i2t_r{k}{folds}": of_images, f"t2i_r{k}{folds}": of_captions}
    found[f"rsum{folds}"] = [sum(values) for values in zip(*found.values(), strict=True)]
    return found


@pytest.mark.parametrize("seed", range(10))
def test_recalls_are_those_of_every_query(seed: int) -> None:
    ranks = ranks_of(seed, 17)
    found = recalls(ranks)
    assert {key: values.tolist() for key, values in found.items()} == expected(ranks, 17)


@pytest.mark.parametrize("seed", range(5))
def test_recalls_within_folds(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FOLD", 6)
    ranks, within = ranks_of(seed, 18), ranks_of(seed, 18)
    within_folds = {f"{side}_1k": within[side] // 2 for side in ("i2t", "t2i")}
    both = {**ranks, **within_folds}
    found = recalls(both)
    assert {key: values.tolist() for key, values in found.items()} == (
        expected(ranks, 18) | expected(both, 6, "_1k")
    )


def test_many_captions_of_an_image_are_counted() -> None:
    ranks = {"i2t": np.zeros(2, int), "t2i": np.zeros(602, int)}
    owners = np.repeat([0, 1], [1, 601])
    assert recalls({**ranks, "text_to_image": owners})["t2i_r1"].tolist() == pytest.approx(
        [200 / 602, 200 * 601 / 602]
    )


def test_a_metric_that_is_not_their_mean_is_left_out() -> None:
    values = {"rsum": np.array([100.0, 300.0]), "map": np.array([0.25, 0.5]), "auc": np.ones(2)}
    held = Contributions.of_values(values)
    record = make_record(test={"rsum": 200.0 * (1 + 5e-6), "map": 0.376})
    assert {key: each.tolist() for key, each in held.of_record(record).items()} == {
        "rsum": [100.0, 300.0]
    }


def test_several_runs_at_once_are_one_after_the_other_to_the_last_bit() -> None:
    made = [ranks_of(seed, 17) for seed in range(4)]
    held = [recalls(ranks) for ranks in made]
    for key in held[0]:
        together = Contributions.stacked(held, key)
        assert together.tolist() == [each[key].tolist() for each in held]
    values = {"map": np.arange(3.0), "auc": np.ones(3)}
    turned = dict(reversed(values.items()))
    held = [Contributions.of_values(each) for each in (values, turned)]
    assert Contributions.stacked(held, "map").tolist() == [[0, 1, 2], [0, 1, 2]]
