from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from tests.tiny_vision import write_image_set
from vsebench.data.images import open_images
from vsebench.data.images.decode import decode_rgb, square
from vsebench.data.vocabulary import Vocabulary
from vsebench.plugin import Key, LocalFeatures, TokenTable
from vsebench.results.protocol import Protocol
from vsebench.retrieval.encoders.features import RegionEncoder
from vsebench.retrieval.inputs.augment import compact, draw_crops, keep_features
from vsebench.retrieval.inputs.batches import (
    FeatureBatches,
    ImageAugmentation,
    RawImageBatches,
    TokenBatches,
    augmenter,
)
from vsebench.retrieval.inputs.padded import BUCKET, Kept
from vsebench.retrieval.inputs.run_inputs import Inputs, SplitInputs
from vsebench.retrieval.inputs.splits import Captions, ImageFeatures, RawImages, decoding_threads
from vsebench.retrieval.model import Tower

if TYPE_CHECKING:
    from pathlib import Path

    from vsebench.data.images import ImageFolder, ImageTar

CPU = torch.device("cpu")
GRID = SimpleNamespace(image_size=16, local_features=9)
KEY = Key(7) / "crops" / 0


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> ImageFolder | ImageTar:
    root: Path = write_image_set(tmp_path_factory.mktemp("set") / "precomp", (8, 2, 2))
    return open_images(root / "images")


def test_crops_follow_their_law() -> None:
    crops = draw_crops(Key(0).generator(), 4000)
    ratio, left, top, flip = np.array(crops).T
    assert ratio.min() >= 0.6
    assert ratio.max() <= 1
    for values, middle in ((ratio, 0.8), (left, 0.5), (top, 0.5), (flip, 0.5)):
        assert values.mean() == pytest.approx(middle, abs=0.03)
    assert np.abs(np.corrcoef([ratio, left, top, flip]) - np.eye(4)).max() < 0.06
    still = draw_crops(Key(0).generator(), 100, smallest=1, flip=0)
    assert {(crop.ratio, crop.flip) for crop in still} == {(1.0, False)}
    assert all(crop.flip for crop in draw_crops(Key(0).generator(), 100, flip=1))


@pytest.mark.parametrize("threads", [1, 4])
def test_pairs_are_the_announced_images_cropped_and_thinned(images, threads: int) -> None:
    batches = RawImageBatches(
        RawImages(images, CPU, threads), GRID, ImageAugmentation(0.5, 0.6, 0.5)
    )
    order = np.array([3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5])
    batches.announce(order, 4, KEY)
    rng, crops = Key(1).generator(), KEY.generator()
    mirror = Key(1).generator()
    for start in (0, 4):
        chosen = order[start : start + 4]
        values, lengths, kept = batches.pairs(chosen, rng)
        expected = [
            square(decode_rgb(images.read(i), ""), 16, crop)
            for i, crop in zip(chosen.tolist(), draw_crops(crops, 4), strict=True)
        ]
        assert values.dtype == torch.uint8
        np.testing.assert_array_equal(values.permute(0, 2, 3, 1).numpy(), np.stack(expected))
        assert lengths.tolist() == [1] * 4
        positions, counts = compact(keep_features(np.full(4, 9), 9, 0.5, "grid", mirror))
        np.testing.assert_array_equal(kept.positions, positions)
        np.testing.assert_array_equal(kept.lengths, counts)


def test_other_images_do_not_disturb_the_announced_ones(images) -> None:
    def first_pairs(ask_for_others: bool) -> torch.Tensor:
        batches = RawImageBatches(RawImages(images, CPU, 2), GRID, ImageAugmentation(0.2, 0.6, 0.5))
        batches.announce(np.arange(8), 4, KEY)
        if ask_for_others:
            others = batches.others(np.array([7, 7]), Key(5).generator())
            assert others.values.shape == (2, 3, 16, 16)
            # Cropped each in its own way
            assert not torch.equal(others.values[0], others.values[1])
        return batches.pairs(np.arange(4), Key(1).generator()).values

    assert torch.equal(first_pairs(False), first_pairs(True))


def test_a_step_cannot_take_other_images_than_announced(images) -> None:
    batches = RawImageBatches(RawImages(images, CPU, 1), GRID, ImageAugmentation(0.2, 0.6, 0.5))
    with pytest.raises(RuntimeError, match="other images than were announced"):
        batches.pairs(np.arange(4), Key(1).generator())
    batches.announce(np.arange(8), 4, KEY)
    with pytest.raises(RuntimeError, match="other images than were announced"):
        batches.pairs(np.arange(1, 5), Key(1).generator())


def test_features_are_gathered_as_they_always_were() -> None:
    table = ImageFeatures(
        np.random.default_rng(0).normal(size=(6, 5, 3)).astype(np.float32),
        np.array([5, 2, 4, 1, 5, 3]),
        CPU,
    )
    batches = FeatureBatches(table, "region", 0.4)
    batches.announce(np.arange(6), 2, KEY)
    chosen = np.array([0, 5, 2])
    values, lengths, kept = batches.pairs(chosen, Key(3).generator())
    positions, counts = compact(
        keep_features(table.lengths[chosen], 5, 0.4, "region", Key(3).generator())
    )
    assert kept is None
    np.testing.assert_array_equal(lengths, counts)
    np.testing.assert_array_equal(values, table.gather(chosen, positions))


class Counting(torch.nn.Module):
    """An encoder of raw images whose features say where they come from: item · 10 + position."""

    def forward(self, pixels: torch.Tensor, lengths: torch.Tensor) -> LocalFeatures:
        count = len(pixels)
        values = (10 * torch.arange(count)[:, None] + torch.arange(4) + 1.0)[..., None].expand(
            -1, -1, 3
        )
        return LocalFeatures(values, torch.full((count,), 4))


def last(features: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    return features[torch.arange(len(lengths)), lengths - 1]


def test_a_tower_takes_the_encoders_lengths_and_keeps_what_is_kept() -> None:
    tower = Tower(Counting(), last)
    pixels, ones = torch.zeros(2, 3, 8, 8), torch.ones(2, dtype=torch.int64)
    assert tower(pixels, ones).raw[:, 0].tolist() == [4, 14]
    kept = Kept(torch.tensor([[1, 2, 0], [3, 0, 1]]), torch.tensor([2, 1]))
    assert tower(pixels, ones, kept).raw[:, 0].tolist() == [3, 14]


@pytest.mark.parametrize("widest", [5, 12])
def test_static_batches_of_features_have_few_widths_and_the_same_valid_rows(widest: int) -> None:
    rng = np.random.default_rng(0)
    table = ImageFeatures(
        rng.normal(size=(40, widest, 3)).astype(np.float32), rng.integers(1, widest + 1, 40), CPU
    )
    widths = set()
    for start in range(0, 40, 4):
        chosen = np.arange(start, start + 4)
        plain, static = (
            FeatureBatches(table, "region", 0.4, static).pairs(chosen, Key(start).generator())
            for static in (False, True)
        )
        widths.add(static.values.shape[1])
        assert torch.equal(plain.lengths, static.lengths)
        assert torch.equal(plain.values, static.values[:, : plain.values.shape[1]])
    assert widths <= {min(widest, BUCKET), min(widest, 2 * BUCKET)}


def test_static_batches_of_captions_have_few_widths_and_the_same_valid_rows() -> None:
    words = Vocabulary.build(["a dog runs here"], 1)
    rng = np.random.default_rng(0)
    lengths = rng.integers(1, 20, 40)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    tokens = rng.integers(1, len(words), offsets[-1]).astype(np.int32)
    captions, widths = Captions(TokenTable(tokens, offsets)), set()
    for start in range(0, 40, 2):
        chosen = np.arange(start, start + 2)
        plain, static = (
            TokenBatches(captions, words, 0.3, CPU, static).batch(chosen, Key(start).generator())
            for static in (False, True)
        )
        widths.add(static.values.shape[1])
        assert torch.equal(plain.lengths, static.lengths)
        assert torch.equal(plain.values, static.values[:, : plain.values.shape[1]])
        assert not static.values[:, plain.values.shape[1] :].any()
    assert widths == {8, 16, 19}  # no caption is longer than 19


def test_an_encoder_that_counts_padding_gets_no_more_of_it() -> None:
    table = ImageFeatures(np.zeros((2, 8, 3), np.float32), np.array([2, 3]), CPU)
    words = Vocabulary.build(["a dog runs here"], 1)
    captions = Captions(words.encode(["a dog", "a dog runs"]))
    split = SplitInputs(table, captions, np.array([0, 1]))
    inputs = Inputs(split, split, split, words, "region", 3)
    protocol = Protocol(drop_regions=0)
    for counts, width in ((True, 3), (False, 8)):
        encoder = RegionEncoder(3, 4, count_padding=counts)
        images = augmenter(inputs, encoder, protocol, static=True).images
        assert images.pairs(np.array([0, 1]), Key(0).generator()).values.shape[1] == width


def test_decoding_threads() -> None:
    assert decoding_threads(CPU, 3, 2) == 3
    assert decoding_threads(torch.device("cuda"), 1, 10_000) == 1
