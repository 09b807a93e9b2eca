from __future__ import annotations

import numpy as np
import pytest

from vsebench.data.scenes.blocks import BLOCK, Block, Options, camera, generate
from vsebench.data.scenes.world import world


def _unexplained(block: Block) -> float:
    """Share of the regions' variance outside the span of everything that their image's objects and
    setting can add.
    """
    w, s = world(), block.scenes
    left = total = 0.0
    for i in range(BLOCK):
        o = slice(0, s.count[i])
        parts = [
            w.classes[s.kind[i, o]],
            w.cargo[s.cargo[i, o]],
            *w.turns[s.kind[i, o]],
            w.colours[s.colour[i, o]],
            w.materials[s.material[i, o]],
        ]
        basis = np.linalg.qr(
            np.concatenate([*parts, w.sizes[s.size[i, o]], w.axes]).T.astype(np.float64)
        )[0]
        regions = block.latents[i, : block.lengths[i]]
        left += ((regions - regions @ basis @ basis.T) ** 2).sum()
        total += (regions**2).sum()
    return left / total


def test_difficulty_scales_noise_and_clutter_from_none():
    unexplained = [
        _unexplained(generate(Options(difficulty=d), "train", 0)) for d in (0, 0.5, 1, 2)
    ]
    assert unexplained[0] == pytest.approx(0, abs=1e-10)
    assert unexplained == sorted(unexplained)
    assert unexplained[2] > 0.03


def test_every_object_is_seen():
    """Without noise, the views of a scene with an object and of the same scene without it differ in
    rank.
    """
    block = generate(Options(difficulty=0), "train", 0)
    w, s = world(), block.scenes
    for i in range(BLOCK):
        regions = block.latents[i, : block.lengths[i]].astype(np.float64)
        for o in range(s.count[i]):
            others = [k for k in range(s.count[i]) if k != o]
            parts = [
                w.classes[s.kind[i, others]],
                w.cargo[s.cargo[i, others]],
                *w.turns[s.kind[i, others]],
                w.colours[s.colour[i, others]],
            ]
            basis = np.linalg.qr(
                np.concatenate(
                    [*parts, w.materials[s.material[i, others]], w.sizes[s.size[i, others]], w.axes]
                ).T.astype(np.float64)
            )[0]
            assert np.abs(regions - regions @ basis @ basis.T).max() > 1e-3


@pytest.mark.parametrize(("regions", "least"), [(36, 10), (12, 5), (5, 5), (72, 20)])
def test_lengths_are_uniform(regions, least):
    lengths = np.concatenate(
        [generate(Options(regions=regions, difficulty=0), "train", i).lengths for i in range(6)]
    )
    assert (lengths.min(), lengths.max()) == (least, regions)
    assert lengths.mean() == pytest.approx((least + regions) / 2, abs=1 + regions / 30)


@pytest.mark.parametrize("dim", [8, 96, 300])
def test_features_are_standardised_and_padded_with_zeros(dim):
    options = Options(dim=dim, seed=5)
    valid = []
    for index in range(4):
        block = generate(options, "train", index)
        features = camera(options).features(block)
        assert (features.shape, features.dtype) == ((BLOCK, 36, dim), np.float16)
        inside = np.arange(36) < block.lengths[:, None]
        assert not features[~inside].any()
        valid.append(features[inside].astype(np.float64))
    rows = np.concatenate(valid)
    assert np.isfinite(rows).all()
    assert np.abs(rows.mean(0)).max() < 0.2
    assert np.abs(rows.std(0) - 1).max() < 0.4
    assert rows.std(0).mean() == pytest.approx(1, abs=0.05)


def test_the_camera_is_of_the_world_not_of_the_data():
    a, b = camera(Options(images=100, seed=1)), camera(Options(images=9000, seed=2))
    np.testing.assert_array_equal(a.weight, b.weight)
    np.testing.assert_array_equal(a.floor, b.floor)
