"""What a pooling's errors are, and what cannot be tested."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import nn

from tests.oracles import patterns as oracle
from vsebench import create
from vsebench.patterns.data import Patterns, PatternsData
from vsebench.patterns.errors import constants, exams, explained, metrics, returned, rmse, vectors
from vsebench.patterns.sets import Sets
from vsebench.plugin import PluginError, SetEmbedding, SpecError

CPU = torch.device("cpu")


@pytest.fixture
def data(tmp_path) -> PatternsData:  # type: ignore[no-untyped-def]
    return Patterns("max-10", 3, 12).load(tmp_path)


@pytest.mark.parametrize("pooling", ["mean", "kmax:k=10", "kmax:k=9", "softmax"])
def test_metrics_equal_loops(pooling: str, data: PatternsData) -> None:
    module, tests = create("pooling", pooling, dim=3), exams(data, "test", CPU)
    found = metrics(returned(module, tests), tests)
    loops = {
        name: ([[*map(float, row)] for row in module(*test.sets)], test.target.tolist())
        for name, test in tests.items()
    }
    assert found == pytest.approx(
        {
            "explained": oracle.explained(*loops["seen"]),
            "rmse": oracle.rmse(*loops["seen"]),
            "rmse_unseen": oracle.rmse(*loops["unseen"]),
        },
        rel=1e-5,
        abs=1e-5,
    )


@pytest.mark.parametrize(
    ("pooling", "pattern"), [("mean", "avg"), ("max", "max-1"), ("kmax:k=10", "max-10")]
)
def test_a_pooling_that_is_the_pattern_makes_no_error(pooling: str, pattern: str, tmp_path) -> None:  # type: ignore[no-untyped-def]
    tests = exams(Patterns(pattern, 4, 50).load(tmp_path), "dev", CPU)
    found = metrics(returned(create("pooling", pooling, dim=4), tests), tests)
    assert found == pytest.approx({"explained": 100, "rmse": 0, "rmse_unseen": 0}, abs=1e-5)


def test_a_constant_explains_nothing_and_what_is_worse_less(data: PatternsData) -> None:
    tests = exams(data, "test", CPU)
    known = float(tests["seen"].target.mean())
    constant = {name: torch.full_like(test.target, known) for name, test in tests.items()}
    found = metrics(constant, tests)
    assert found["explained"] == pytest.approx(0, abs=1e-4)
    assert [found["rmse"], found["rmse_unseen"]] == pytest.approx(
        [*constants(data, "test").values()]
    )
    worse = {name: values + 100 for name, values in constant.items()}
    assert metrics(worse, tests)["explained"] < -1000


def test_values_that_are_not_finite_are_not_hidden(data: PatternsData) -> None:
    tests = exams(data, "dev", CPU)
    for value in (math.nan, math.inf):
        found = metrics(
            {name: torch.full_like(test.target, value) for name, test in tests.items()}, tests
        )
        assert not math.isfinite(found["rmse"])
    assert math.isnan(explained(math.nan, 1.0))
    assert explained(0.0, 0.5) == 100


def test_the_error_of_one_set_of_one_vector_is_its_difference() -> None:
    assert rmse(torch.tensor([[1.0]]), torch.tensor([[-2.0]])) == 3


class Returns(nn.Module):
    def __init__(self, make: Any) -> None:
        super().__init__()
        self.make = make

    def forward(self, features: torch.Tensor, lengths: torch.Tensor) -> Any:
        return self.make(features)


def test_what_returns_no_vector_is_refused_in_one_line() -> None:
    sets = Sets(torch.randn(2, 3, 4), torch.tensor([3, 1]))
    many = Returns(lambda x: SetEmbedding(x, torch.ones(x.shape[:2], dtype=torch.bool)))
    with pytest.raises(SpecError, match="Returns returns a SetEmbedding: the pattern task is for"):
        vectors(many, sets)
    with pytest.raises(PluginError):
        vectors(Returns(lambda x: x[:, :, 0]), sets)
