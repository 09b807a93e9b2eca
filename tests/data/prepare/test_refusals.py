"""What is wrong with the inputs is reported in one line that names the file and what was expected,
and nothing is written.
"""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.data.prepare import inputs
from vsebench.data.prepare.gather import Request
from vsebench.data.prepare.prepare import prepare
from vsebench.plugin import DataError, SpecError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def refused(tmp_path: Path, message: str, name: str = "flickr30k", **options: object) -> None:
    with pytest.raises(DataError, match=message) as error:
        prepare(Request(name, tmp_path / "in", tmp_path / "out", **options), lambda *_: None)
    assert "\n" not in str(error.value)
    assert not list((tmp_path / "out").glob("*"))


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
def images(tmp_path):
    return inputs.write_json(tmp_path / "in")


@pytest.fixture
def names(images):
    return [inputs.stem_of(entry) for entry in images]


@pytest.fixture
def arrays(tmp_path, images, names):
    """A folder of `.npz` files."""
    inputs.write_arrays(tmp_path / "in", names, inputs.make_features(images), "features")
    return tmp_path / "in"


def test_a_missing_image(tmp_path, arrays):
    (arrays / "8993.npz").unlink()
    refused(
        tmp_path,
        r"in lacks 8993\.jpg: 11 of 12 images were found by their file name without its ending "
        r"among 11 names",
    )


def test_a_truncated_file(tmp_path, arrays):
    path = arrays / "8993.npz"
    path.write_bytes(path.read_bytes()[:-30])
    refused(
        tmp_path, r"8993\.npz is truncated or damaged, expected a whole \.npz file of plain numbers"
    )


def test_damage_that_only_shows_when_read(tmp_path, arrays):
    path = arrays / "8993.npz"
    raw = bytearray(path.read_bytes())
    raw[200] ^= 255
    path.write_bytes(raw)
    refused(tmp_path, r"8993\.npz is truncated or damaged")


def test_a_truncated_array(tmp_path, images, names):
    inputs.write_arrays(tmp_path / "in", names, inputs.make_features(images))
    path = tmp_path / "in" / "8993.npy"
    path.write_bytes(path.read_bytes()[:-3])
    refused(tmp_path, r"8993\.npy is truncated: its header announces")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            {"feature": np.ones((2, 6), np.float32)},
            (
                r"8993\.npz has arrays feature, expected the features as one of features, x, feat, "
                r"arr_0"
            ),
        ),
        (
            {"x": np.ones((2, 3, 6), np.float32)},
            (
                r"8993\.npz holds shape \(2, 3, 6\) of float32, expected floats \[local features, "
                r"width\] or \[width\] of one image"
            ),
        ),
        (
            {"x": np.ones((2, 6), np.int64)},
            r"8993\.npz holds shape \(2, 6\) of int64, expected floats",
        ),
        (
            {"x": np.ones((2, 5), np.float32)},
            (
                r"8993\.npz holds 2 features of width 5, expected at least one of width 6, as the "
                r"first image has"
            ),
        ),
        ({"x": np.ones((0, 6), np.float32)}, r"8993\.npz holds 0 features of width 6"),
        (
            {"x": np.array([{"a": 1}], dtype=object)},
            r"8993\.npz holds shape \(1,\) of object, expected floats",
        ),
    ],
)
def test_arrays_that_are_no_features(tmp_path, arrays, content, message):
    np.savez(arrays / "8993.npz", **content)
    refused(tmp_path, message)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_values_that_are_not_finite(tmp_path, arrays, value, dtype):
    bad = np.ones((4, 6), np.float32)
    bad[2, 3] = value
    np.savez(arrays / "8993.npz", features=bad)
    with pytest.raises(DataError, match=r"8993\.npz has a value that is not finite"):
        prepare(Request("flickr30k", arrays, tmp_path / "out", dtype=dtype), lambda *_: None)
    assert [path.name for path in (tmp_path / "out").iterdir()] == [".unfinished"]


def test_values_that_float16_cannot_hold(tmp_path, arrays):
    big = np.ones((4, 6), np.float32)
    big[2, 3] = -70000
    np.savez(arrays / "8993.npz", features=big)
    with pytest.raises(DataError, match=r"8993\.npz .*-70000,.*--dtype float32"):
        prepare(Request("flickr30k", arrays, tmp_path / "out"), lambda *_: None)
    manifest = prepare(
        Request("flickr30k", arrays, tmp_path / "other", dtype="float32"), lambda *_: None
    )
    assert manifest["features"]["largest"] == 70000


def test_one_image_in_two_files(tmp_path, arrays):
    (arrays / "more").mkdir()
    np.save(arrays / "more" / "8993.npy", np.ones((2, 6), np.float32))
    refused(
        tmp_path,
        r"more/8993\.npy and .*in/8993\.npz are both called 8993: expected one file for an image",
    )


@pytest.fixture
def tsv(tmp_path, images, names):
    path = tmp_path / "in" / "trainval_36.tsv"
    inputs.write_tsv(path, names, inputs.make_features(images))
    return path


@pytest.mark.parametrize("cut", [1, 2, 50, 150, 240])
def test_a_truncated_tsv(tmp_path, tsv, cut):
    """Whatever the last line lost."""
    tsv.write_bytes(tsv.read_bytes()[: -1 - cut])
    refused(
        tmp_path,
        r"trainval_36\.tsv(, line at byte \d+, is no line of features| is truncated: its line at "
        r"byte \d+ has \d+ bytes, expected \d+)",
    )


def test_a_tsv_without_its_last_lines(tmp_path, tsv):
    tsv.write_bytes(b"".join(tsv.read_bytes().splitlines(keepends=True)[:-2]))
    refused(tmp_path, r"in lacks 89\d\d\.jpg and 1 more: 10 of 12 images")


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (
            lambda line: b"\t".join(line.split(b"\t")[:5]),
            "has 5 columns in its first line, expected 6 .* or 10",
        ),
        (
            lambda line: line.replace(b"\t4\t", b"\tfour\t"),
            (
                "line at byte 0, is no line of features: "
                "column 4 is 'four', expected a number of boxes"
            ),
        ),
        (
            lambda line: line.replace(b"\t4\t", b"\t0\t"),
            "column 4 is '0', expected a number of boxes",
        ),
        (lambda line: line[:-1] + b"!", "line at byte 0, has features that are not base64"),
        (
            lambda line: line[:-8],
            "line at byte 0, has features that 4 boxes do not divide into float32 vectors",
        ),
    ],
)
def test_a_tsv_that_is_none(tmp_path, tsv, edit, message):
    first, *rest = tsv.read_bytes().splitlines()
    tsv.write_bytes(b"\n".join([edit(first), *rest]) + b"\n")
    refused(tmp_path, rf"trainval_36\.tsv.*{message}")


@pytest.mark.parametrize(
    ("old", "message"),
    [
        (4, "has 72 bytes of features, expected 4 × 6 float32"),
        (1, "has features that are not base64"),
    ],
)
def test_a_tsv_with_a_damaged_line(tmp_path, tsv, old, message):
    lines = tsv.read_bytes().splitlines()
    lines[5] = lines[5][: -8 * old] if old == 4 else lines[5][:-1] + b"!"
    tsv.write_bytes(b"\n".join(lines) + b"\n")
    with pytest.raises(DataError, match=rf"trainval_36\.tsv, line at byte \d+, {message}"):
        prepare(Request("flickr30k", tmp_path / "in", tmp_path / "out"), lambda *_: None)


@pytest.fixture
def hdf5(tmp_path, images, names):
    path = tmp_path / "in" / "features.h5"
    inputs.write_hdf5(path, "groups", names, inputs.make_features(images))
    return path


def test_a_truncated_hdf5_file(tmp_path, hdf5):
    hdf5.write_bytes(hdf5.read_bytes()[:-200])
    refused(tmp_path, r"features\.h5 is truncated or damaged, or no HDF5 file: get it again")


def test_hdf5_without_h5py(tmp_path, hdf5, monkeypatch):
    monkeypatch.setitem(sys.modules, "h5py", None)
    refused(tmp_path, r"features\.h5 is HDF5, which needs h5py: pip install 'vsebench\[hdf5\]'")


@pytest.mark.parametrize(
    ("form", "damage", "message"),
    [
        (
            "table",
            "image_ids",
            (
                r"features\.h5 has a table but no ids: expected a dataset ids, image_ids, "
                r"image_id … "
                r"in it, or features_ids\.txt beside it"
            ),
        ),
        (
            "flat",
            "pos_boxes",
            (
                r"features\.h5 has 12 ids for 48 images: expected one each \(rows of a table of "
                r"two dimensions are an image each, unless pos_boxes says otherwise\)"
            ),
        ),
        ("groups", "8993/features", r"in lacks 8993\.jpg: 11 of 12 images"),
        (
            "table",
            "image_features",
            (
                r"features\.h5 holds no features: it has image_bb, image_ids; expected a table "
                r"called image_features, att_features, features …, or for each image a dataset"
            ),
        ),
    ],
)
def test_hdf5_files_that_lack_something(tmp_path, hdf5, images, names, form, damage, message):
    import h5py

    inputs.write_hdf5(hdf5, form, names, inputs.make_features(images))
    with h5py.File(hdf5, "a") as file:
        del file[damage]
    refused(tmp_path, message)


def test_hdf5_with_ids_that_do_not_fit(tmp_path, hdf5, images, names):
    inputs.write_hdf5(hdf5, "beside", names, inputs.make_features(images))
    beside = hdf5.with_name("features_ids.txt")
    beside.write_text("\n".join(names[:-1]))
    refused(tmp_path, r"features\.h5 has 11 ids for 12 images: expected one each")
    beside.write_text("\n".join([*names[:-1], names[0]]))
    refused(tmp_path, rf"features\.h5 has image {names[0]}, which .*features\.h5 has too or twice")


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
                r"in holds neither features nor images: expected \*_ims\.npy tables, \.npy, \.npz, "
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
