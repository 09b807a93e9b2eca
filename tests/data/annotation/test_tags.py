from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from tests.data.files import dataset
from vsebench.annotation import evaluate_scores
from vsebench.data.annotation.tags import (
    BLOCK,
    TOPICS,
    Options,
    Tags,
    World,
    generate,
    mixtures,
    write,
)
from vsebench.data.open import open_dataset
from vsebench.data.validate import check_annotation
from vsebench.plugin import SpecError


def content(folder) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


@pytest.mark.parametrize(
    ("images", "labels", "density"),
    [(1, 50, 0.1), (BLOCK + 1, 200, 0.03), (3000, 2000, 0.005), (300, 1000, 0.1)],
)
def test_sizes_and_soundness(tmp_path, images, labels, density):
    data = Tags(images, labels, density).load(tmp_path / "set")
    pairs = sum(split.positives.n_pairs for split in data.splits.values())
    if images > 1:
        check_annotation(data, "tags")
        assert pairs == pytest.approx(density * images * labels, rel=0.1)
    assert all(len(split.positives) == images for split in data.splits.values())
    assert (data.splits["train"].positives.counts > 0).all()


def test_the_same_options_give_the_same_files_and_another_seed_others(tmp_path):
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        write(tmp_path / name, Options(200, 100, 0.05, seed))
    a, b, c = (content(tmp_path / name) for name in "abc")
    assert a == b
    assert all(
        a[name] != c[name] for name in a if name.startswith(("train", "dev_labels", "test_labels"))
    )


def test_an_image_does_not_depend_on_how_many_are_made(tmp_path):
    few, many = (
        Tags(images, 100, 0.05).load(tmp_path / str(images)).splits
        for images in (BLOCK - 5, BLOCK + 5)
    )
    for name, split in few.items():
        same = many[name].positives.select(np.arange(BLOCK - 5))
        np.testing.assert_array_equal(split.positives.offsets, same.offsets)
        np.testing.assert_array_equal(split.positives.labels, same.labels)


def test_topics_draw_their_labels():
    world = World.of(Options(10, 20, 0.1))
    law = world.probabilities()
    np.testing.assert_allclose(law.sum(axis=1), 1)
    draws = 200_000
    uniform = (np.arange(draws) + 0.5) / draws
    for topic in (0, 7, TOPICS - 1):
        found = np.bincount(world.draw(np.full(draws, topic), uniform), minlength=20) / draws
        np.testing.assert_allclose(found, law[topic], atol=2 / draws)
    ends = (
        world.draw(np.arange(TOPICS), np.zeros(TOPICS)),
        world.draw(np.arange(TOPICS), np.full(TOPICS, np.nextafter(1, 0))),
    )
    assert all(((end >= 0) & (end < 20)).all() for end in ends)


def test_frequencies_are_unequal_and_images_have_preferences():
    options = Options(BLOCK, 500, 0.02)
    world = World.of(options)
    positives = generate(options, world, 0)
    popularity = np.sort(positives.popularity())[::-1]
    assert popularity[:50].sum() > 0.4 * popularity.sum()
    expected = mixtures(options, 0) @ world.probabilities()
    ideal = evaluate_scores(lambda rows: expected[rows], positives)
    popular = evaluate_scores(
        lambda rows: np.tile(positives.popularity().astype(float), (len(rows), 1)), positives
    )
    assert ideal.map > 1.3 * popular.map > 0.05
    assert ideal.auc > popular.auc + 0.05


def test_memory_grows_by_the_offsets_only(tmp_path):
    def peak(blocks: int) -> int:
        tracemalloc.start()
        write(tmp_path / str(blocks), Options(blocks * BLOCK, 2000, 0.005))
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    peak(1)
    assert peak(12) - peak(4) < 2 * 8 * 24 * BLOCK


def test_opened_by_name_and_loaded_once(cache, monkeypatch):
    options = {"images": 300, "labels": 100, "density": 0.05}
    first = open_dataset(dataset("tags"), options)
    assert first.path.parent == cache
    monkeypatch.setattr("vsebench.data.generated.appearing", lambda _: pytest.fail("made again"))
    again = open_dataset(dataset("tags"), options)
    assert again.fingerprint == first.fingerprint
    assert isinstance(again.data.splits["train"].positives.labels.base, np.memmap)


def test_too_few_labels_an_image():
    with pytest.raises(SpecError, match=r"density=0\.005 .*density=0\.02 or more"):
        Tags(labels=100)
