"""One pooling learns one pattern with one seed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from benchmarks.patterns.task import SEEN, UNSEEN, draw, target
from vsebench import create
from vsebench.plugin import Key, SpecError
from vsebench.retrieval.model import pool, seeded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor, nn

CONSTANT = "(a constant)"
"""In place of a pooling: what the mean of all targets scores, the error of having learnt
nothing.
"""


@dataclass(frozen=True)
class Recipe:
    """How every pooling is trained and tested: Adam on the mean squared error, with a rate that
    falls to 0 as a cosine.

    Attributes:
        dim: size of the features.
        batch: sets in a step.
        steps: of the optimiser.
        lr: the first learning rate.
        test: sets in each test.
    """

    dim: int = 16
    batch: int = 32
    steps: int = 400
    lr: float = 0.01
    test: int = 1000


@dataclass(frozen=True)
class Trial:
    """Root mean squared errors over the sets and dimensions of the two tests, of sizes `SEEN` in
    training and `UNSEEN`.
    """

    pooling: str
    pattern: str
    seed: int
    seen: float
    unseen: float


def attempt(pooling: str, pattern: str, seed: int, recipe: Recipe) -> Trial:
    """Trains the pooling that the spec names, where it has parameters, and tests it on sets that
    are the same for all.

    Raises:
        SpecError: the spec is not valid, or the pooling returns no vectors.
    """
    if pooling == CONSTANT:
        return Trial(
            pooling,
            pattern,
            seed,
            *(_constant_error(pattern, sizes, recipe) for sizes in (SEEN, UNSEEN)),
        )
    module = seeded(Key(seed) / "init", lambda: create("pooling", pooling, dim=recipe.dim))
    if any(True for _ in module.parameters()):
        _train(module, pattern, Key(seed) / "train", recipe)
    module.eval()
    return Trial(
        pooling,
        pattern,
        seed,
        *(_error(module, pattern, sizes, recipe) for sizes in (SEEN, UNSEEN)),
    )


def _train(module: nn.Module, pattern: str, key: Key, recipe: Recipe) -> None:
    generator = torch.Generator().manual_seed(key.seed())
    optimiser = torch.optim.Adam(module.parameters(), lr=recipe.lr)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, recipe.steps)
    for _ in range(recipe.steps):
        sets = draw(recipe.batch, SEEN, recipe.dim, generator)
        optimiser.zero_grad()
        loss = (_pooled(module, *sets) - target(pattern, sets)).square().mean()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()


def _pooled(module: nn.Module, features: Tensor, lengths: Tensor) -> Tensor:
    embedding = pool(module, features, lengths).embedding
    if not isinstance(embedding, torch.Tensor):
        raise SpecError(
            f"{type(module).__name__} returns a {type(embedding).__name__}: the pattern test is "
            "for poolings that return one vector"
        )
    return embedding


def _error(module: nn.Module, pattern: str, sizes: Sequence[int], recipe: Recipe) -> float:
    sets = draw(recipe.test, sizes, recipe.dim, _test_stream())
    with torch.no_grad():
        return float((_pooled(module, *sets) - target(pattern, sets)).square().mean().sqrt())


def _constant_error(pattern: str, sizes: Sequence[int], recipe: Recipe) -> float:
    known = target(pattern, draw(recipe.test, SEEN, recipe.dim, _test_stream())).mean()
    return float(
        (target(pattern, draw(recipe.test, sizes, recipe.dim, _test_stream())) - known)
        .square()
        .mean()
        .sqrt()
    )


def _test_stream() -> torch.Generator:
    return torch.Generator().manual_seed((Key(0) / "test").seed())
