"""`vsebench.annotation.evaluate` against one argsort per image over the float64 score matrix, and
the products alone against all of it.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pytest
import torch

from vsebench.annotation import evaluate
from vsebench.kernels.gemm import true_float32
from vsebench.plugin import Positives

if TYPE_CHECKING:
    from benchmarks.conftest import Compare

FACTORS = 100


class Case(NamedTuple):
    """Factors of a half-trained model, one test label and four known ones for each image."""

    image: np.ndarray
    label: np.ndarray
    positives: Positives
    known: Positives


def made(images: int, labels: int) -> Case:
    rng = np.random.default_rng(0)
    image, label = (rng.standard_normal((n, FACTORS), dtype=np.float32) for n in (images, labels))
    drawn = np.argsort(rng.random((images, 64)), axis=1)[:, :5] + rng.integers(
        0, labels - 63, (images, 1)
    )
    image += 0.5 * label[drawn[:, 0]]
    row = np.arange(images)
    test = Positives.from_pairs(row, drawn[:, 0], images, labels)
    return Case(
        image,
        label,
        test,
        Positives.from_pairs(np.repeat(row, 4), drawn[:, 1:].reshape(-1), images, labels),
    )


def by_sorting(case: Case) -> dict[str, float]:
    """The metrics of leave-one-out from whole rankings, 1,000 images at a time."""
    rank = np.empty(len(case.image), np.int64)
    candidates = case.known.n_labels - case.known.counts
    for start in range(0, len(rank), 1000):
        scores = (
            case.image[start : start + 1000].astype(np.float64) @ case.label.astype(np.float64).T
        )
        for i, row in enumerate(scores, start=start):
            row[case.known.row(i)] = -np.inf
            rank[i] = np.flatnonzero(np.argsort(-row) == case.positives.row(i)[0])[0]
    hits5, hits10 = float((rank < 5).mean()), float((rank < 10).mean())
    precision = float((1 / (rank + 1)).mean())
    return {
        "p_at_5": hits5 / 5,
        "p_at_10": hits10 / 10,
        "r_at_5": hits5,
        "r_at_10": hits10,
        "map": precision,
        "auc": float((1 - rank / (candidates - 1)).mean()),
    }


SIZES = [
    pytest.param(2000, 1386, id="2000x1386"),
    pytest.param(20015, 1386, id="20015x1386", marks=pytest.mark.slow),
    pytest.param(20015, 8400, id="20015x8400", marks=pytest.mark.slow),
    pytest.param(107859, 81, id="107859x81", marks=pytest.mark.slow),
    pytest.param(1000, 100000, id="1000x100000", marks=pytest.mark.slow),
]


@pytest.mark.parametrize(("images", "labels"), SIZES)
def test_evaluate(images: int, labels: int, benchmark: Any, compare: Compare) -> None:
    case = made(images, labels)
    assert evaluate(*case).as_dict() == pytest.approx(by_sorting(case))
    compare(benchmark, partial(evaluate, *case), partial(by_sorting, case), rounds=3)


@pytest.mark.parametrize(("images", "labels"), SIZES)
def test_products_alone(images: int, labels: int, benchmark: Any, compare: Compare) -> None:
    """The floor: the fp32 products of the same tiles."""
    case = made(images, labels)
    block = max(1, (1 << 23) // labels)
    image, label = torch.from_numpy(case.image), torch.from_numpy(case.label)
    tile = torch.empty(block * labels)

    def products() -> None:
        with true_float32():
            for rows in image.split(block):
                torch.mm(rows, label.T, out=tile[: len(rows) * labels].view(len(rows), labels))

    compare(benchmark, products, partial(evaluate, *case), rounds=3)
