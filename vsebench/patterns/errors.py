"""How far a pooling is from a pattern."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch

from vsebench.plugin import SpecError
from vsebench.retrieval.model import pool

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from vsebench.patterns.data import PatternsData
    from vsebench.patterns.sets import Sets
    from vsebench.plugin import Pooling, PoolingOutput


class Exam(NamedTuple):
    """What a pooling is tested on.

    Attributes:
        sets: sets.
        target: what is to be returned for them, [B, D].
    """

    sets: Sets
    target: Tensor


def exams(data: PatternsData, split: str, device: torch.device) -> dict[str, Exam]:
    """The tests of a split, dev or test, by range of sizes."""
    drawn = {name: data.sets(split, name) for name in data.splits[split].ranges}
    return {
        name: Exam(sets.to(device), data.target(sets).to(device)) for name, sets in drawn.items()
    }


def vectors(pooling: Pooling, sets: Sets) -> tuple[Tensor, PoolingOutput]:
    """The vector that a pooling returns for each set, [B, D], and all that it returns.

    Raises:
        SpecError: it returns something else than vectors.
        PluginError: their shape is wrong.
    """
    output = pool(pooling, sets.features, sets.lengths)
    if not isinstance(output.embedding, torch.Tensor):
        raise SpecError(
            f"{type(pooling).__name__} returns a {type(output.embedding).__name__}: the pattern "
            "task is for poolings that return one vector"
        )
    return output.embedding, output


def returned(pooling: Pooling, tests: Mapping[str, Exam]) -> dict[str, Tensor]:
    """What a pooling returns for each test, in evaluation."""
    with torch.no_grad():
        return {name: vectors(pooling, test.sets)[0] for name, test in tests.items()}


def metrics(found: Mapping[str, Tensor], tests: Mapping[str, Exam]) -> dict[str, float]:
    """The metrics of what a pooling returned for the tests of a split; NaN where that is not
    finite.
    """
    errors = {name: rmse(found[name], test.target) for name, test in tests.items()}
    seen = tests["seen"].target
    return {
        "explained": explained(errors["seen"], rmse(seen, seen.mean())),
        "rmse": errors["seen"],
        "rmse_unseen": errors["unseen"],
    }


def constants(data: PatternsData, split: str) -> dict[str, float]:
    """The root mean squared error of having learnt nothing, by range of sizes: of answering every
    set of dev or test with the mean of all targets of seen sizes.
    """
    tests = exams(data, split, torch.device("cpu"))
    known = tests["seen"].target.mean()
    return {name: rmse(known, test.target) for name, test in tests.items()}


def rmse(found: Tensor, target: Tensor) -> float:
    """The root of the mean squared error over sets and dimensions."""
    return float((found - target).square().mean().sqrt())


def explained(error: float, constant: float) -> float:
    """The percentage of the variance of targets that is explained, negative where a constant is
    better.

    Args:
        error: root mean squared error.
        constant: root mean squared error of the best constant, above 0.
    """
    return 100 * (1 - (error / constant) ** 2)
