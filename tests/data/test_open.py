from __future__ import annotations

import shutil
import sys
from types import ModuleType

import numpy as np
import pytest

from tests.data.files import dataset, write_precomp, write_split
from vsebench.data import fingerprint
from vsebench.data import open as module
from vsebench.data.open import load_dataset, open_dataset, reopen_dataset
from vsebench.plugin import DataError, DatasetCard, Param, RetrievalData, RetrievalSplit, SpecError
from vsebench.plugin.host.loader import load_plugins
from vsebench.plugin.registry import Component, Origin


def test_a_set_is_found_checked_and_identified(tmp_path):
    folder = write_precomp(tmp_path / "precomp")
    opened = open_dataset(dataset("precomp"), {}, data_roots=[tmp_path])
    assert opened.path == folder
    assert opened.warnings == ()
    assert len(opened.fingerprint) == 16
    assert opened.data.splits["train"].features.shape == (6, 3, 4)


@pytest.mark.parametrize("place", ["flickr30k", "f30k_precomp", "f30k/precomp", "."])
@pytest.mark.parametrize("how", ["argument", "environment", "default"])
def test_every_place_is_tried(tmp_path, monkeypatch, place, how):
    root = tmp_path / "data"
    write_precomp(root / place)
    monkeypatch.chdir(tmp_path if how == "default" else tmp_path_of(root / place))
    if how == "environment":
        monkeypatch.setenv("VSEBENCH_DATA", str(root))
    opened = open_dataset(dataset("flickr30k"), {}, data_roots=[root] if how == "argument" else [])
    assert opened.path.resolve() == (root / place).resolve()
    assert opened.path.is_absolute()


def tmp_path_of(folder):
    """A folder below, in which ./data is nothing."""
    below = folder / "elsewhere"
    below.mkdir()
    return below


def test_roots_are_tried_in_order(tmp_path, monkeypatch):
    for name, images in (("one", 6), ("two", 7), ("env", 8)):
        write_precomp(tmp_path / name / "precomp", (images, 3, 4))
    monkeypatch.setenv("VSEBENCH_DATA", str(tmp_path / "env"))

    def images(*roots: str) -> int:
        return len(
            open_dataset(dataset("precomp"), {}, data_roots=[tmp_path / r for r in roots])
            .data.splits["train"]
            .lengths
        )

    assert (images("one", "two"), images("two", "one"), images()) == (6, 7, 8)


def test_a_set_that_is_nowhere(tmp_path):
    (tmp_path / "a").mkdir()
    with pytest.raises(DataError) as error:
        open_dataset(dataset("coco"), {}, data_roots=[tmp_path / "a"])
    a = tmp_path / "a"
    places = (
        f"{a / 'coco'}, {a / 'coco_precomp'}, {a / 'coco' / 'precomp'}, {a}, data/coco, "
        "data/coco_precomp, data/coco/precomp, data"
    )
    assert (
        str(error.value)
        == f"data set 'coco' is not in {places}: run 'vsebench data info coco' to see which files "
        "to get and where to put them"
    )


def test_a_root_that_does_not_exist(tmp_path):
    with pytest.raises(DataError, match=r"data root '.*nowhere' is not a folder"):
        open_dataset(dataset("coco"), {}, data_roots=[tmp_path / "nowhere"])


def test_an_incomplete_folder_is_reported_not_passed_over(tmp_path):
    write_precomp(tmp_path / "one" / "precomp")
    write_precomp(tmp_path / "two" / "precomp")
    (tmp_path / "one" / "precomp" / "dev_ims.npy").unlink()
    with pytest.raises(DataError, match=r"one/precomp/dev_ims\.npy is missing"):
        open_dataset(dataset("precomp"), {}, data_roots=[tmp_path / "one", tmp_path / "two"])


def test_other_counts_are_a_warning_or_strictly_an_error(tmp_path):
    write_precomp(tmp_path / "f30k_precomp")
    opened = open_dataset(dataset("flickr30k"), {}, data_roots=[tmp_path])
    assert (
        opened.warnings[0] == "train has 6 images and 30 captions, published are 29000 and 145000"
    )
    assert len(opened.warnings) == 3
    with pytest.raises(
        DataError,
        match=r"'flickr30k' in .* is not the published one: train has 6 images .*; dev has "
        r".*--strict-data",
    ):
        open_dataset(dataset("flickr30k"), {}, data_roots=[tmp_path], strict=True)


def test_counts_follow_the_test_split_of_coco(tmp_path):
    for test in ("test", "testall"):
        write_precomp(tmp_path / "coco_precomp", test=test)
        warnings = open_dataset(dataset("coco"), {"test": test}, data_roots=[tmp_path]).warnings
        assert warnings[-1].endswith(
            {"test": "published are 1000 and 5000", "testall": "published are 5000 and 25000"}[test]
        )


def test_features_that_are_not_finite(tmp_path):
    folder = write_precomp(tmp_path / "precomp")
    features = np.load(folder / "train_ims.npy")
    features[4, 2, 1] = np.nan
    np.save(folder / "train_ims.npy", features)
    with pytest.raises(DataError, match=r"train_ims\.npy has a value that is not finite .*row 4"):
        open_dataset(dataset("precomp"), {}, data_roots=[tmp_path])


def test_the_fingerprint_follows_the_content(tmp_path):
    folder = write_precomp(tmp_path / "precomp")
    first = open_dataset(dataset("precomp"), {}, data_roots=[tmp_path]).fingerprint
    assert open_dataset(dataset("precomp"), {}, data_roots=[folder]).fingerprint == first
    write_split(folder, "dev", 3, seed=1)
    assert open_dataset(dataset("precomp"), {}, data_roots=[tmp_path]).fingerprint != first


def test_opening_by_path_neither_searches_nor_checks_nor_hashes(tmp_path, monkeypatch):
    folder = write_precomp(tmp_path / "anywhere")
    monkeypatch.setattr(module, "check_any", lambda *_: pytest.fail("checked again"))
    monkeypatch.setattr(fingerprint, "scan", lambda *_: pytest.fail("hashed again"))
    opened = load_dataset(dataset("flickr30k"), {}, folder)
    assert (opened.path, opened.fingerprint, opened.warnings) == (folder, "", ())


def test_an_unknown_option(tmp_path):
    with pytest.raises(SpecError, match=r"'scenes' .*'imags': did you mean 'images'"):
        open_dataset(dataset("scenes"), {"imags": 3})


class Fake:
    """A generated set of one image a split, as a plugin might provide it."""

    warnings = ("made up",)

    def __init__(self, caption: str) -> None:
        self.caption = caption

    def files(self, root):
        return []

    def load(self, root):
        split = RetrievalSplit(
            np.zeros((1, 1, 2), np.float32),
            np.ones(1, np.int64),
            [self.caption],
            np.zeros(1, np.int64),
        )
        return RetrievalData(dict.fromkeys(("train", "dev", "test"), split), self.warnings)


@pytest.fixture
def fake(monkeypatch):
    plugin = ModuleType("a_plugin")
    plugin.Fake = Fake
    monkeypatch.setitem(sys.modules, "a_plugin", plugin)
    return Component(
        "dataset",
        "fake",
        "a_plugin:Fake",
        (Param("caption", "a dog"),),
        DatasetCard("fake", generated=True),
        Origin("a-dist", "a-plugin", "1"),
    )


def test_a_plugins_generated_set_is_checked_and_identified_by_its_options(fake, cache):
    opened = open_dataset(fake, {})
    other = open_dataset(fake, {"caption": "a cat"})
    assert opened.path == cache / f"fake-{opened.fingerprint}"
    assert opened.fingerprint != other.fingerprint
    assert opened.warnings == ("made up",)
    with pytest.raises(
        DataError, match="data set 'fake', split 'train': caption on line 1 is empty"
    ):
        open_dataset(fake, {"caption": "..."})


IMAGES = {"images": 40}
"""Options of the set that runs of other machines were planned with."""


def test_where_the_folder_is_missing_the_same_set_is_generated(tmp_path, monkeypatch):
    registry = load_plugins().registry
    first = open_dataset(registry.get("dataset", "scenes"), IMAGES)
    monkeypatch.setenv("VSEBENCH_CACHE", str(tmp_path / "another machine's"))
    shutil.rmtree(first.path)
    opened, component = reopen_dataset(registry, "scenes", IMAGES, first.path, first.fingerprint)
    assert component.name == "scenes"
    assert opened.path == tmp_path / "another machine's" / first.path.name
    assert not first.path.exists()


def test_a_set_that_is_another_one_here_is_refused(tmp_path):
    registry = load_plugins().registry
    with pytest.raises(DataError, match=r"is not the one in \S+there that the run"):
        reopen_dataset(registry, "scenes", IMAGES, tmp_path / "there", "0123")


def test_where_the_folder_is_there_it_is_not_looked_for():
    registry = load_plugins().registry
    first = open_dataset(registry.get("dataset", "scenes"), IMAGES)
    opened, _ = reopen_dataset(registry, "scenes", IMAGES, first.path, "not looked at")
    assert opened.path == first.path
