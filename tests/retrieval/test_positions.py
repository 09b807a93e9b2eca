from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from vsebench.plugin import PluginError
from vsebench.retrieval.inputs.run_inputs import SplitInputs
from vsebench.retrieval.inputs.splits import ImageFeatures
from vsebench.retrieval.model import Model, Tower
from vsebench.retrieval.shown import ITEMS, position_weights

if TYPE_CHECKING:
    from collections.abc import Sequence

CPU = torch.device("cpu")


class Encoder(nn.Module):
    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        return features


class Shows(nn.Module):
    """Weights that are the features, by dimension where asked."""

    def __init__(self, answer: str = "shared") -> None:
        super().__init__()
        self.answer = answer
        self.asked: list[tuple[int, ...]] = []

    def position_weights(self, features: Tensor, lengths: Tensor) -> Any:
        self.asked.append((*features.shape, *lengths.unique().tolist()))
        return {
            "shared": lambda: features.mean(dim=2),
            "per-dimension": lambda: features,
            "other shape": lambda: features[:, 0],
            "NaN": lambda: features * torch.nan,
            "no tensor": lambda: "weights",
            "raises": lambda: 1 / 0,
        }[self.answer]()


def made(pooling: nn.Module, lengths: Sequence[int], dim: int = 3) -> tuple[Model, SplitInputs]:
    features = np.random.default_rng(0).normal(size=(len(lengths), max(lengths), dim))
    images = ImageFeatures(features.astype(np.float32), np.array(lengths), CPU)
    texts: Any = SimpleNamespace()
    model = Model(Tower(Encoder(), pooling, "shows"), Tower(Encoder(), nn.Identity()), None)
    return model, SplitInputs(images, texts, np.zeros(0, np.int64))


@pytest.mark.parametrize("answer", ["shared", "per-dimension"])
def test_the_mean_over_items_and_dimensions_at_three_lengths(answer: str) -> None:
    lengths = [8] * 20 + [3] * 10 + [12]  # a tenth of the items reach 8, and one goes beyond
    pooling = Shows(answer)
    model, split = made(pooling, lengths)
    found = position_weights(model, split, CPU)
    assert list(found) == ["image"]
    assert found["image"].shape == (3, 8)
    assert [shape[1] for shape in pooling.asked] == [2, 4, 8]
    assert all(shape[3:] == (shape[1],) for shape in pooling.asked)
    values = split.images.gather(np.arange(31), np.tile(np.arange(8), (31, 1))).numpy()  # type: ignore[union-attr]
    for row, n in zip(found["image"], (2, 4, 8), strict=True):
        items = [i for i, length in enumerate(lengths) if length >= n]
        expected = [np.mean([values[i, k] for i in items]) for k in range(n)]
        np.testing.assert_allclose(row[:n], expected, rtol=1e-5, atol=1e-6)
        assert np.isnan(row[n:]).all()


def test_sets_of_one_row_have_one_length() -> None:
    model, split = made(Shows(), [1] * 5)
    assert position_weights(model, split, CPU)["image"].shape == (1, 1)


def test_only_the_first_items_are_pooled() -> None:
    model, split = made(pooling := Shows(), [2] * (ITEMS + 9))
    position_weights(model, split, CPU)
    assert {shape[0] for shape in pooling.asked} == {ITEMS}


def test_a_model_whose_poolings_show_nothing_has_none() -> None:
    model, split = made(nn.Identity(), [2] * 5)
    assert position_weights(model, split, CPU) == {}


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("other shape", r"gives \[5, 3\], expected one of \[\[5, 1\], \[5, 1, 3\]\]"),
        ("NaN", "gives weights that are not finite"),
        ("no tensor", r"gives \[\], expected"),
        ("raises", "raises ZeroDivisionError: division by zero"),
    ],
)
def test_what_is_no_weight_is_an_error_that_names_the_pooling(answer: str, said: str) -> None:
    model, split = made(Shows(answer), [4] * 5)
    with pytest.raises(PluginError, match=f"^pooling 'shows': position_weights {said}"):
        position_weights(model, split, CPU)
