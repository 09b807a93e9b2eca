from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.data.files import dataset
from tests.data.prepare import inputs
from vsebench.data.open import open_dataset
from vsebench.data.prepare import audit as module
from vsebench.data.prepare.audit import (
    audit,
    audit_features,
    entry_for,
    shared_captions,
    shared_features,
    shared_ids,
)
from vsebench.data.prepare.gather import Request
from vsebench.data.prepare.karpathy import SETS
from vsebench.data.prepare.prepare import prepare
from vsebench.plugin import DataError, RetrievalSplit

STEMS = ("train", "dev", "test")
SMALL = replace(SETS["flickr30k"], images={"train": (5,), "dev": (3,), "test": (4,)})


@pytest.fixture
def folder(tmp_path):
    """A prepared set."""
    images = inputs.write_json(tmp_path / "in")
    inputs.write_arrays(
        tmp_path / "in", [inputs.stem_of(entry) for entry in images], inputs.make_features(images)
    )
    prepare(Request("flickr30k", tmp_path / "in", tmp_path / "out"), lambda *_: None)
    return tmp_path / "out"


def failures(folder, entry=SMALL, captions=None):
    findings = list(audit_features(folder, STEMS, entry, captions))
    assert {finding.verdict for finding in findings} <= {"ok", "FAIL", "note"}
    return [finding.text for finding in findings if finding.verdict == "FAIL"]


def test_a_prepared_set_passes(folder, tmp_path):
    findings = list(
        audit_features(folder, STEMS, SMALL, tmp_path / "in" / "dataset_flickr30k.json")
    )
    assert [finding.verdict for finding in findings] == ["ok"] * 8
    assert findings[1].text == "dev has 3 images, as published, with 5 captions each"
    assert findings[-1].text == "all 10 files have the SHA-256 with which they were prepared"
    opened = open_dataset(dataset("flickr30k"), {}, data_roots=[folder])
    assert [finding.verdict for finding in audit(opened, published_counts=False)] == ["ok"] * 3
    assert [finding.verdict for finding in audit(opened, published_counts=True)].count("FAIL") == 3


def test_without_the_json_the_order_is_not_claimed(folder):
    findings = list(audit_features(folder, STEMS, SMALL, None))
    assert [finding.text for finding in findings if finding.verdict == "note"] == [
        "order of captions not compared: give --captions dataset_flickr30k.json"
    ]


def test_dev_is_published_with_more_images_than_are_used(folder, monkeypatch):
    monkeypatch.setattr(module, "LIMITS", {"dev": 2})
    texts = [finding.text for finding in audit_features(folder, STEMS, SMALL, None)]
    assert (
        "dev has 3 images, as published, with 5 captions each; validation uses the first 2" in texts
    )


@pytest.mark.parametrize("name", ["flickr30k", "coco", "flickr8k"])
def test_published_counts_agree_with_the_cards(name):
    """The cards say what is used, the entries what the files hold."""
    card = dataset(name).card.counts_for(dataset(name).resolve({}))
    stems = {"train": "train", "dev": "dev", "test": "testall" if name == "coco" else "test"}
    for split, stem in stems.items():
        assert all(
            min(number, module.LIMITS.get(split, number)) == card[split][0]
            for number in SETS[name].images[stem]
        )


def test_counts_that_differ(folder):
    other = replace(SMALL, images={"train": (5,), "dev": (5000, 1000), "test": (4,)})
    assert failures(folder, other) == ["dev has 3 images, published are 5,000 or 1,000"]


def test_captions_in_another_order(folder, tmp_path):
    path = folder / "dev_caps.txt"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([lines[0], lines[2], lines[1], *lines[3:]]))
    found = failures(folder, captions=tmp_path / "in" / "dataset_flickr30k.json")
    assert found[0].startswith("dev_caps.txt, line 2, is 'Sentence 2 of picture")
    assert "dataset_flickr30k.json has 'Sentence 1 of picture" in found[0]
    assert found[1:] == ["dev_caps.txt has another SHA-256 than was prepared"]


def test_more_captions_than_the_json(folder, tmp_path):
    with (folder / "dev_caps.txt").open("a") as file:
        file.write("more\n" * 5)
    found = failures(folder, captions=tmp_path / "in" / "dataset_flickr30k.json")
    assert "dev_caps.txt, line 16, is 'more', dataset_flickr30k.json has no more captions" in found


def test_a_json_without_a_known_set(folder, tmp_path):
    with pytest.raises(DataError, match=r"dataset_flickr30k\.json cannot be compared"):
        failures(folder, None, tmp_path / "in" / "dataset_flickr30k.json")


def test_the_entry_is_known_by_name_or_manifest(folder, tmp_path):
    assert entry_for("coco", tmp_path) is SETS["coco"]
    assert entry_for("precomp", folder) is SETS["flickr30k"]
    assert entry_for("precomp", tmp_path) is None


def test_an_id_in_two_splits(folder):
    test, train = (
        (folder / "test_ids.txt").read_text().split(),
        (folder / "train_ids.txt").read_text().split(),
    )
    (folder / "test_ids.txt").write_text("\n".join([*test[:2], train[3], *test[3:]]) + "\n")
    (found, *_) = failures(folder)
    assert (
        found
        == "1 images have the same id as one of another split: image 2 of test and image 3 of train"
    )


def test_ids_that_are_numbers_of_rows_are_none():
    assert shared_ids({"train": ["0", "1", "2"], "dev": ["0", "1"]}) == []
    assert shared_ids({"train": ["1", "0", "2"], "dev": ["0", "1"]}) == [
        (("dev", 0), ("train", 1)),
        (("dev", 1), ("train", 0)),
    ]


def split(features, captions):
    images = len(features)
    return RetrievalSplit(features, np.full(images, 2), captions, np.arange(len(captions)) % images)


def test_captions_in_two_splits():
    """Captions of an image need not stand together, nor in one order; two of one image do not make
    it another.
    """
    one = split(np.zeros((2, 2, 3)), ["a dog", "A cat .", "a cow", "a hen"])
    other = split(np.zeros((2, 2, 3)), ["a hen", "a dog", "a cat!", "a dog"])
    assert shared_captions({"train": one, "dev": other}) == [(("dev", 0), ("train", 1))]
    assert shared_captions({"train": one}) == []


def test_features_in_two_splits():
    rng = np.random.default_rng(0)
    train, dev = (rng.standard_normal((5, 2, 3)) for _ in range(2))
    dev[1] = train[4]
    dev[2, 0] = train[0, 0]  # the first region alone is not the image
    splits = {"train": split(train, ["a dog"] * 5), "dev": split(dev, ["a cat"] * 5)}
    assert shared_features(splits) == [(("dev", 1), ("train", 4))]
    assert (
        shared_features(
            {
                **splits,
                "test": split(
                    object.__new__(type("Images", (), {"__len__": lambda self: 5})), ["a"] * 5
                ),
            }
        )
        is None
    )
