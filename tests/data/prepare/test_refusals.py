"""What is wrong with the inputs is reported in one line that names the file and what was expected,
and nothing is written.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.data.prepare import inputs
from tests.data.prepare.inputs import refused
from vsebench.data.prepare.gather import Request
from vsebench.data.prepare.prepare import prepare
from vsebench.plugin import DataError, SpecError

if TYPE_CHECKING:
    from collections.abc import Callable


def change(index: int, **fields: object) -> Callable[[list[dict[str, object]]], None]:
    def edit(images: list[dict[str, object]]) -> None:
        images[index].update(fields)

    return edit


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (
            change(2, split="validation"),
            (
                r"dataset_flickr30k\.json, image 2 \(8986\.jpg\) is of split 'validation', "
                r"expected "
                r"one of train, val, test"
            ),
        ),
        (
            change(2, split="restval"),
            r"image 2 .* is of split 'restval', expected one of train, val, test",
        ),
        (
            change(3, filename="9000.jpg"),
            r"image 3 has file 9000\.jpg, as image 0 has: expected every image once",
        ),
        (change(3, imgid=0), r"image 3 has id 0, as image 0 has"),
        (
            change(1, sentences=[{"raw": "a dog"}] * 4),
            r"image 1 \(8993\.jpg\) has 4 captions with a text 'raw', expected 5 or more",
        ),
        (
            change(1, sentences=[{"raw": "a dog"}] * 4 + [{"raw": " . "}]),
            r"image 1 \(8993\.jpg\) has no word in caption 4 \('\.'\)",
        ),
        (
            change(1, sentences=[{"tokens": ["a"]}] * 5),
            r"image 1 \(8993\.jpg\) has no word in caption 0",
        ),
        (
            change(1, sentences=[{"raw": "\0\n"}] * 5),
            r"image 1 \(8993\.jpg\) has no word in caption 0 \(''\)",
        ),
        (
            change(4, filename=None),
            r"image 4 lacks a filename, a split, an imgid or cocoid, or sentences",
        ),
        (lambda images: images.append("an image"), r"image 12 lacks a filename"),
        (
            lambda images: [entry.update(split="train") for entry in images],
            r"dataset_flickr30k\.json has no image of split 'val'",
        ),
        (lambda images: images.clear(), r"has no image of split 'train'"),
    ],
)
def test_captions(tmp_path, edit, message):
    images = inputs.entries()
    edit(images)
    inputs.write_json(tmp_path / "in", images=images)
    inputs.write_arrays(tmp_path / "in", ["0"], [np.ones((2, 3), np.float32)])
    refused(tmp_path, message)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"images": [{"imgid"', "is not whole JSON"),
        ("[1]", "has no list 'images'"),
        ('{"images": 3}', "has no list"),
    ],
)
def test_a_json_that_is_none(tmp_path, content, message):
    inputs.write_arrays(tmp_path / "in", ["0"], [np.ones((2, 3), np.float32)])
    (tmp_path / "in" / "dataset_flickr30k.json").write_text(content)
    refused(tmp_path, rf"dataset_flickr30k\.json {message}")
    refused(tmp_path, r"elsewhere\.json is missing", captions=tmp_path / "elsewhere.json")


@pytest.fixture
def tables(tmp_path, images):
    inputs.write_tables(tmp_path / "in", images, inputs.make_features(images), copies=5)
    return tmp_path / "in"


@pytest.mark.parametrize("rows", [2, 4, 14, 16])
def test_tables_of_other_counts(tmp_path, tables, rows):
    np.save(tables / "dev_ims.npy", np.zeros((rows, 4, 6), np.float32))
    refused(
        tmp_path,
        rf"dev_ims\.npy has {rows} rows, expected 3 \(the images of 'dev'\) or 15 \(each five "
        r"times\)",
    )


def test_copies_that_differ(tmp_path, tables):
    rows = np.load(tables / "dev_ims.npy")
    rows[8] += 1
    np.save(tables / "dev_ims.npy", rows)
    with pytest.raises(DataError, match=r"dev_ims\.npy .*rows 5 to 9 differ"):
        prepare(Request("flickr30k", tables, tmp_path / "out"), lambda *_: None)


def test_tables_in_another_order_than_the_json(tmp_path, tables, images):
    inputs.write_captions(tables, images)
    lines = (tables / "dev_caps.txt").read_text().splitlines(keepends=True)
    (tables / "dev_caps.txt").write_text("".join([*lines[5:], *lines[:5]]))
    refused(
        tmp_path,
        r"dev_caps\.txt, line 1, is 'sentence 0 of picture \d+', expected 'Sentence 0 of picture "
        r"\d+ \.' as the JSON has it: .* leave the JSON out",
    )


def test_tables_with_captions_beyond_the_json(tmp_path, tables, images):
    inputs.write_captions(tables, images)
    with (tables / "dev_caps.txt").open("a") as file:
        file.write("one more\n")
    refused(
        tmp_path, r"dev_caps\.txt, line 16, is 'one more', expected 'no more' as the JSON has it"
    )


@pytest.mark.parametrize(
    ("prepare_files", "message"),
    [
        (
            lambda folder: None,
            (
                r"in holds neither features nor images: expected \*_ims\.npy, \.npy, \.npz, "
                r"HDF5 or \.tsv files, or images"
            ),
        ),
        (
            lambda folder: (folder / "a.tsv").touch() or (folder / "1.npy").touch(),
            r"in holds 1 \.npy or \.npz files and 1 \.tsv files: say which with --features",
        ),
        (
            lambda folder: (folder / "9000.jpg").touch(),
            r"in lacks 8986\.jpg and 10 more: 1 of 12 images were found by their path",
        ),
        (
            lambda folder: (
                (folder / "dataset_flickr30k.json").unlink() or (folder / "1.npy").touch()
            ),
            r"in has no dataset_flickr30k\.json: expected Karpathy's",
        ),
        (
            lambda folder: inputs.write_json(folder / "b") and None,
            (
                r"in has 2 JSON files \(.*dataset_flickr30k\.json, .*dataset_flickr30k\.json\): "
                r"say which holds the captions with --captions"
            ),
        ),
    ],
)
def test_folders_that_lack_something_or_have_too_much(tmp_path, images, prepare_files, message):
    prepare_files(tmp_path / "in")
    refused(tmp_path, message)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes with names")
@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", ["features.tsv", "features.h5", "dataset_flickr30k.json"])
def test_a_pipe_is_not_waited_for(tmp_path, images, name):
    (tmp_path / "in" / name).unlink(missing_ok=True)
    os.mkfifo(tmp_path / "in" / name)
    refused(tmp_path, rf"{name} cannot be read: it is no regular file")


def test_a_folder_that_is_not_there(tmp_path, images):
    refused(
        tmp_path,
        r"nowhere does not exist: expected the folder or file",
        features=tmp_path / "nowhere",
    )


def test_an_unknown_set(tmp_path):
    with pytest.raises(SpecError, match=r"'flikr30k' .*did you mean 'flickr30k'"):
        prepare(Request("flikr30k", tmp_path, tmp_path / "out"), lambda *_: None)


def test_what_is_meant_may_be_said(tmp_path, arrays):
    """Features of two forms, and captions elsewhere."""
    (arrays / "a.tsv").touch()
    (tmp_path / "other.json").write_text(
        json.dumps(json.loads((arrays / "dataset_flickr30k.json").read_text()))
    )
    features = tmp_path / "features"
    features.mkdir()
    for path in arrays.glob("*.npz"):
        path.rename(features / path.name)
    request = Request(
        "flickr30k", arrays, tmp_path / "out", captions=tmp_path / "other.json", features=features
    )
    assert prepare(request, lambda *_: None)["inputs"]["kind"] == "arrays"
