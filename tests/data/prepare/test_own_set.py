"""Sets that nobody published: any number of captions, any name, and what odd files hold."""

from __future__ import annotations

import base64
import json

import h5py
import numpy as np
import pytest

from tests.data.prepare import inputs
from vsebench.data.described import dataset_component
from vsebench.data.open import open_dataset
from vsebench.data.prepare.gather import Request
from vsebench.data.prepare.prepare import prepare
from vsebench.plugin import DataError
from vsebench.plugin.host.loader import load_plugins

SPLITS = ("train", "dev", "test", "restval", "train", "validation", "test", "train")
COUNTS = (3, 1, 2, 1, 5, 4, 1, 7)
STEMS = {"restval": "train", "validation": "dev"}


def quiet(what: str, done: int, total: int) -> None:
    """No progress."""


def write_json(folder, **fields):
    folder.mkdir(parents=True, exist_ok=True)
    images = [
        {
            "filename": f"photo{i}.jpg",
            "split": split,
            "sentences": [{"raw": f"caption {k} of {i}"} for k in range(count)],
            **fields,
        }
        for i, (split, count) in enumerate(zip(SPLITS, COUNTS, strict=True))
    ]
    (folder / "my captions.json").write_text(json.dumps({"images": images}))
    return [f"photo{i}" for i in range(len(SPLITS))]


def own(stem):
    return [i for i, split in enumerate(SPLITS) if STEMS.get(split, split) == stem]


def check(tmp_path, features):
    """Opens what was prepared and compares it, row by row, with what it was prepared from."""
    component = dataset_component(load_plugins().registry, "mine", [tmp_path / "out"])
    data = open_dataset(component, {}, data_roots=[]).data
    for stem, split in data.splits.items():
        assert list(split.captions) == [
            f"caption {k} of {i}" for i in own(stem) for k in range(COUNTS[i])
        ]
        assert split.text_to_image.tolist() == [
            row for row, i in enumerate(own(stem)) for _ in range(COUNTS[i])
        ]
        for row, i in enumerate(own(stem)):
            wanted = np.atleast_2d(features[i])
            np.testing.assert_array_equal(
                split.features[row][: len(wanted)], wanted.astype(np.float16)
            )
            assert split.lengths[row] == len(wanted)


def request(tmp_path, **options):
    return Request("", tmp_path / "in", tmp_path / "out", called="mine", **options)


def test_all_captions_of_each_image_are_kept(tmp_path):
    names = write_json(tmp_path / "in")
    features = inputs.make_features(names, ragged=True)
    inputs.write_arrays(tmp_path / "in", names, features)
    manifest = prepare(request(tmp_path), quiet)
    assert manifest["dataset"] == "mine"
    assert manifest["splits"]["train"]["captions"] == 16
    assert "notes" not in manifest
    check(tmp_path, features)
    assert prepare(request(tmp_path), quiet) == manifest
    assert (tmp_path / "out" / "test_ids.txt").read_text().split() == ["photo2.jpg", "photo6.jpg"]


@pytest.mark.parametrize("form", ["npy", "npz", "datasets", "table", "tables"])
def test_one_vector_an_image(tmp_path, form):
    names = write_json(tmp_path / "in")
    features = [values[0] for values in inputs.make_features(names)]
    if form == "npy":
        inputs.write_arrays(tmp_path / "in", names, features)
    elif form == "npz":
        for name, values in zip(names, features, strict=True):
            np.savez(tmp_path / "in" / f"{name}.npz", x=values)
    elif form == "datasets":
        with h5py.File(tmp_path / "in" / "f.h5", "w") as file:
            for name, values in zip(names, features, strict=True):
                file[name] = values
    elif form == "table":
        with h5py.File(tmp_path / "in" / "f.h5", "w") as file:
            file["features"], file["image_ids"] = np.stack(features), np.array(names, dtype="S9")
    else:
        for stem in ("train", "dev", "test"):
            np.save(tmp_path / "in" / f"{stem}_ims.npy", np.stack([features[i] for i in own(stem)]))
    prepare(request(tmp_path), quiet)
    check(tmp_path, features)


def test_tables_with_captions_beside_them(tmp_path):
    """No JSON: what one preparation wrote is read by the next."""
    names = write_json(tmp_path / "in")
    features = inputs.make_features(names)
    inputs.write_arrays(tmp_path / "in", names, features)
    prepare(request(tmp_path), quiet)
    (tmp_path / "out").rename(tmp_path / "before")
    (tmp_path / "before" / "id_mapping.json").unlink()
    (tmp_path / "before" / "prepared.json").unlink()
    prepare(Request("", tmp_path / "before", tmp_path / "out", called="mine"), quiet)
    check(tmp_path, features)


def test_a_published_set_with_other_numbers_of_captions_needs_a_name_of_its_own(tmp_path):
    names = write_json(tmp_path / "in")
    features = inputs.make_features(names)
    inputs.write_arrays(tmp_path / "in", names, features)
    prepare(request(tmp_path), quiet)
    (tmp_path / "out" / "prepared.json").unlink()
    (tmp_path / "out" / "id_mapping.json").unlink()
    with pytest.raises(
        DataError, match=r"expected 5 consecutive lines for each; .* with --as NAME"
    ):
        prepare(Request("flickr30k", tmp_path / "out", tmp_path / "again"), quiet)


def test_a_tsv_in_which_images_come_again_and_base64_is_written_as_bytes(tmp_path):
    names = write_json(tmp_path / "in")
    features = inputs.make_features(names, ragged=True)
    old = [values + 1 for values in features[:2]]

    def line(name, values):
        fields = inputs.tsv_line(name, values).split(b"\t")
        return b"\t".join([*fields[:4], *(b"b'" + field + b"'" for field in fields[4:])]) + b"\n"

    lines = [line(name, values) for name, values in zip(names[:2], old, strict=True)]
    (tmp_path / "in" / "a.tsv").write_bytes(b"".join([*lines, *map(line, names, features)]))
    manifest = prepare(request(tmp_path), quiet)
    (note,) = manifest["notes"]
    assert note == (
        "2 images come more than once, and the last line of each is used: photo0 stands in a.tsv "
        "at byte 0, too"
    )
    check(tmp_path, features)


def test_bytes_marks_do_not_hide_damage(tmp_path):
    write_json(tmp_path / "in")
    content = base64.b64encode(np.ones(6, np.float32).tobytes())
    (tmp_path / "in" / "a.tsv").write_bytes(b"photo0\t1\t1\t1\tAAAA\tb'" + content[:-2] + b"'\n")
    with pytest.raises(DataError, match="has features that are not base64"):
        prepare(request(tmp_path), quiet)


def test_what_macos_packs_into_archives_is_passed_over(tmp_path):
    names = write_json(tmp_path / "in")
    features = inputs.make_features(names)
    inputs.write_arrays(tmp_path / "in" / "features", names, features)
    for hidden in ("features", "__MACOSX", "__MACOSX/features"):
        (tmp_path / "in" / hidden).mkdir(exist_ok=True)
        for name in ("photo0.npy", "a.tsv", "dataset.json"):
            (tmp_path / "in" / hidden / f"._{name}").write_bytes(b"\0\5\26\7")
    (tmp_path / "in" / "__MACOSX" / "photo1.npy").write_bytes(b"\0\5\26\7")
    prepare(request(tmp_path), quiet)
    check(tmp_path, features)


def test_what_is_missing_is_named(tmp_path):
    names = write_json(tmp_path / "in", sentences=[])
    inputs.write_arrays(tmp_path / "in", names, inputs.make_features(names))
    with pytest.raises(DataError, match=r"image 0 \(photo0\.jpg\) has 0 captions .* 1 or more"):
        prepare(request(tmp_path), quiet)
    (tmp_path / "in" / "other.json").write_text("{}")
    with pytest.raises(DataError, match=r"has 2 JSON files .* say which holds the captions"):
        prepare(request(tmp_path), quiet)
    for path in (tmp_path / "in").glob("*.json"):
        path.unlink()
    with pytest.raises(DataError, match="has no JSON file: expected Karpathy's JSON"):
        prepare(request(tmp_path), quiet)


def test_an_hdf5_file_without_features_says_what_it_has(tmp_path):
    write_json(tmp_path / "in")
    with h5py.File(tmp_path / "in" / "f.h5", "w") as file:
        file["photo0/roi_features"] = np.ones((2, 3), np.float32)
        file["photo0/boxes"] = np.ones((2, 4), np.float32)
    with pytest.raises(
        DataError,
        match=r"photo0 has boxes, roi_features.*features, x, feat, arr_0, bbox_features",
    ):
        prepare(request(tmp_path), quiet)
