"""The stream of pairs: what the engines really train, against the documented one, over more steps
than any period could hide in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from tests.oracles import label_ranking as oracle
from vsebench.annotation.model import Settings, TrainingData
from vsebench.annotation.sequential_numba import pairs_of
from vsebench.annotation.train import Recipe, train
from vsebench.kernels.draws import tables
from vsebench.kernels.jit import jit
from vsebench.plugin import DrawKernel, Key, Positives
from vsebench_plugins.sampling.independent import Uniform
from vsebench_plugins.sampling.laws_numba import uniform
from vsebench_plugins.sampling.losses import Hinge

if TYPE_CHECKING:
    from typing import Any

    from torch import Tensor

    from vsebench.plugin import DrawKey, Draws, SamplerState

STEPS, SEED, N, A = 5000, 6, 40, 30
PAIR_SEED, DRAW_SEED = (Key(SEED) / "pairs").seed(), (Key(SEED) / "negatives").seed()


def data(*, mapped: bool) -> TrainingData:
    rng = np.random.default_rng(0)
    positives = Positives.from_pairs(*np.nonzero(rng.random((N, A)) < 0.3), N, A)
    return TrainingData(
        positives, 0.1 * rng.standard_normal((N, 2), np.float32) if mapped else None
    )


@jit(cache=False)
def recording(
    image: Any,
    vector: Any,
    positive: Any,
    stream: Any,
    Q: Any,
    offsets: Any,
    labels: Any,
    ranks: Any,
    numbers: Any,
    scratch: Any,
) -> Any:
    place = int(scratch[0])
    scratch[0] += 1
    scratch[1 + 2 * place] = image
    scratch[2 + 2 * place] = positive
    return uniform(image, vector, positive, stream, Q, offsets, labels, ranks, numbers, scratch)


class Recorder(Uniform):
    """`uniform`, and remembers the images and positives that an engine asks negatives for, in
    order.
    """

    def __init__(self) -> None:
        super().__init__()
        self._tables = tables(scratch=1 + 2 * STEPS)
        self._batches: list[Tensor] = []

    def kernel(self) -> DrawKernel:
        return DrawKernel(recording, self._tables)

    def sample(
        self, state: SamplerState, anchors: Tensor, positives: Tensor, k: int, key: DrawKey
    ) -> Draws:
        if key.seed == DRAW_SEED:  # not beside the training
            self._batches.append(torch.stack([state.images_of(anchors), positives], dim=1))
        return self.vectorised(state, anchors, positives, k, key)

    @property
    def seen(self) -> list[list[int]]:
        if self._batches:
            return torch.cat(self._batches).tolist()  # type: ignore[no-any-return]
        scratch = self._tables.scratch
        return scratch[1 : 1 + 2 * int(scratch[0])].astype(int).reshape(-1, 2).tolist()  # type: ignore[no-any-return]


def trained(source: TrainingData, **engine: Any) -> list[list[int]]:
    sampler = Recorder()
    settings = Settings(updates=STEPS, evaluate_every=1700, dim=2, **engine)
    for _ in train(Recipe(source, settings, sampler, Hinge(), SEED), lambda model: {}):
        pass
    return sampler.seen


def documented(source: TrainingData, batch: int) -> list[list[int]]:
    """Images and labels of the pairs, `batch` to a step."""
    rows = source.positives
    numbers = [
        oracle.pair(PAIR_SEED, step, b, rows.n_pairs)
        for step in range(STEPS // batch)
        for b in range(batch)
    ]
    return np.stack([rows.images()[numbers], rows.labels[numbers]], axis=1).tolist()  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("start", "n_pairs"), [(0, 10), (3, 1), (777, 12_345), (2**40, 2**31 + 11)]
)
def test_the_numbers_of_pairs_are_the_documented_ones(start: int, n_pairs: int) -> None:
    found = pairs_of(PAIR_SEED, start, start + STEPS, n_pairs)
    assert found.tolist() == [
        oracle.pair(PAIR_SEED, step, 0, n_pairs) for step in range(start, start + STEPS)
    ]


@pytest.mark.parametrize("mapped", [False, True], ids=["free", "mapped"])
def test_the_engines_train_the_documented_pairs(mapped: bool) -> None:
    """A batch of four takes at step s, as its first, the sequential engine's pair of step s."""
    source = data(mapped=mapped)
    single, batches = trained(source), trained(source, engine="minibatch", batch_size=4)
    assert single == documented(source, 1)
    assert batches == documented(source, 4)
    assert batches[::4] == single[: STEPS // 4]
