from __future__ import annotations

import shutil
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import pytest

from vsebench.data.scenes import dataset as module
from vsebench.data.scenes.blocks import BLOCK, Options, camera, generate
from vsebench.data.scenes.dataset import Scenes, write
from vsebench.plugin import DataError, WriteError

SMALL = {"images": 150, "dim": 16}


def _content(folder) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


@pytest.mark.parametrize(
    ("images", "held_out"),
    [(1, 100), (500, 100), (504, 100), (505, 101), (3000, 600), (113287, 1000)],
)
def test_sizes(images, held_out):
    assert Options(images=images).sizes == {"train": images, "dev": held_out, "test": held_out}


def test_the_same_options_give_the_same_files_and_another_seed_others(tmp_path):
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        write(tmp_path / name, Options(**SMALL, seed=seed))
    a, b, c = (_content(tmp_path / name) for name in "abc")
    assert a == b
    assert set(a) == {
        "sha256.json",
        *(
            f"{split}_{kind}"
            for split in ("train", "dev", "test")
            for kind in ("ims.npy", "lengths.npy", "caps.txt")
        ),
    }
    assert all(a[name] != c[name] for name in a)
    assert len(set(a.values())) == len(a)


@pytest.mark.parametrize("images", [1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK])
def test_an_image_does_not_depend_on_how_many_are_made_or_held_at_once(tmp_path, images):
    options = Options(images=images, dim=16)
    write(tmp_path / "set", options)
    blocks = [generate(options, "train", i) for i in (2, 1, 0)][::-1]
    features = np.concatenate([camera(options).features(block) for block in blocks])
    lengths = np.concatenate([block.lengths for block in blocks])
    captions = [caption for block in blocks for caption in block.captions]
    train = Scenes(images=images, dim=16).load(tmp_path / "set").splits["train"]
    np.testing.assert_array_equal(train.features, features[:images])
    np.testing.assert_array_equal(train.lengths, lengths[:images])
    assert train.captions == captions[: 5 * images]
    assert train.text_to_image.tolist() == [i for i in range(images) for _ in range(5)]


def test_memory_does_not_grow_with_the_number_of_images(tmp_path):
    def peak(images: int) -> int:
        write(tmp_path / "warm", Options(images=1, dim=64))
        tracemalloc.start()
        write(tmp_path / str(images), Options(images=images, dim=64))
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    assert peak(8 * BLOCK) < 1.1 * peak(3 * BLOCK)


def test_loading_generates_once(tmp_path, monkeypatch):
    data = Scenes(**SMALL)
    assert data.files(tmp_path) == []
    first = data.load(tmp_path / "cache" / "set")
    monkeypatch.setattr("vsebench.data.generated.appearing", lambda _: pytest.fail("made again"))
    again = data.load(tmp_path / "cache" / "set")
    assert isinstance(again.splits["train"].features, np.memmap)
    assert again.splits["dev"].captions == first.splits["dev"].captions


def test_writers_that_race_end_with_one_whole_set(tmp_path):
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda _: write(tmp_path / "set", Options(**SMALL)), range(3)))
    write(tmp_path / "alone", Options(**SMALL))
    assert sorted(f.name for f in tmp_path.iterdir()) == ["alone", "set"]
    assert _content(tmp_path / "set") == _content(tmp_path / "alone")


def test_an_interrupted_writer_leaves_nothing(tmp_path, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "generate", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "set", Options(**SMALL))
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_is_too_small_is_found_out_first(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=10**9))
    with pytest.raises(
        DataError,
        match=r"needs 17\.1 GB .* has 1\.0 GB free: .*VSEBENCH_CACHE",
    ) as error:
        write(tmp_path / "set", Options(images=113287, dim=2048))
    assert "\n" not in str(error.value)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(WriteError, match=r"cannot write .*set: .*choose .* with VSEBENCH_CACHE"):
        write(tmp_path / "file" / "set", Options(**SMALL))
