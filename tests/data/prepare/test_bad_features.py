"""Features that are damaged, incomplete or none are refused in one line that names the file."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from tests.data.prepare import inputs
from tests.data.prepare.inputs import refused
from vsebench.data.prepare.gather import Request
from vsebench.data.prepare.prepare import prepare
from vsebench.plugin import DataError


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
