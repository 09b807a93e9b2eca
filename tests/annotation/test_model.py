"""Initial vectors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from vsebench.annotation.model import Model, Settings, TrainingData
from vsebench.plugin import Key, Positives

N, A, K, SCALE = 400, 300, 8, 0.05
POSITIVES = Positives.from_pairs(np.arange(N), np.arange(N) % A, N, A)


def initial(seed: int = 0, width: int | None = None, **change: Any) -> Model:
    features = None if width is None else np.ones((N, width), np.float32)
    settings = Settings(updates=1, evaluate_every=1, dim=K, init_scale=SCALE, **change)
    return Model.initial(
        TrainingData(POSITIVES, features), settings, Key(seed) / "init", torch.device("cpu")
    )


def test_uniform_vectors_fill_both_sides_of_zero_up_to_the_scale() -> None:
    """Of 2,400 numbers each quarter of ±scale holds its share, but for six deviations; the outer
    hundredths are not empty.
    """
    for table in (initial().images, initial().labels):
        assert table.abs().max() <= SCALE
        assert table.min() < -0.98 * SCALE
        assert table.max() > 0.98 * SCALE
        quarters = torch.histc(table, bins=4, min=-SCALE, max=SCALE)
        expected = table.numel() / 4
        assert (quarters - expected).abs().max() < 6 * (0.75 * expected) ** 0.5


def test_normal_vectors_have_the_scale_as_deviation() -> None:
    for table in (initial(init="normal").images, initial(init="normal").labels):
        assert table.mean().abs() < 6 * SCALE / table.numel() ** 0.5
        assert table.std().item() == pytest.approx(SCALE, rel=0.1)
        # 0.317; of a uniform law 0, or 0.42 at this deviation
        assert 0.2 < (table.abs() > SCALE).double().mean() < 0.45
        assert table.abs().max() > 2.5 * SCALE


@pytest.mark.parametrize("init", ["uniform", "normal"])
def test_images_labels_and_seeds_start_apart(init: str) -> None:
    """No row of the one is a row of the other, or of itself elsewhere; the same seed starts
    alike.
    """
    one, again, other = initial(0, init=init), initial(0, init=init), initial(1, init=init)
    assert torch.equal(one.images, again.images)
    assert torch.equal(one.labels, again.labels)
    rows = torch.cat([one.images, one.labels, other.images, other.labels])
    assert len(rows.unique(dim=0)) == 2 * (N + A)
    assert len(rows[:, 0].unique()) > 0.99 * len(rows)


def test_a_map_has_a_row_for_each_feature() -> None:
    mapped = initial(width=3)
    assert mapped.mapped
    assert mapped.images.shape == (3, K)
    assert torch.equal(mapped.labels, initial().labels)  # whatever the images
