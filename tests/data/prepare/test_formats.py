"""Every form of features becomes the same tables, row by row those of the source, opened by the
suite itself.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.data.files import dataset
from tests.data.prepare import inputs
from vsebench.data.open import open_dataset
from vsebench.data.prepare.gather import Request
from vsebench.data.prepare.prepare import prepare

if TYPE_CHECKING:
    from vsebench.data.open import OpenedDataset


def quiet(what: str, done: int, total: int) -> None:
    """No progress."""


def opened(request: Request) -> OpenedDataset:
    prepare(request, quiet)
    return open_dataset(dataset(request.name), {}, data_roots=[request.target])


def compare(found: OpenedDataset, images, features, name="flickr30k", dtype=np.float16) -> None:
    """Compares every row, length and caption with the source."""
    for split, stem in (
        ("train", "train"),
        ("dev", "dev"),
        ("test", "testall" if name == "coco" else "test"),
    ):
        own = [i for i, entry in enumerate(images) if inputs.STEMS[name][entry["split"]] == stem]
        table = found.data.splits[split]
        assert table.features.dtype == dtype
        assert table.lengths.tolist() == [len(features[i]) for i in own]
        for row, i in enumerate(own):
            stored = table.features[row]
            np.testing.assert_array_equal(stored[: len(features[i])], features[i].astype(dtype))
            assert not stored[len(features[i]) :].any()
        assert table.captions == [
            f"Sentence {k} of picture {images[i]['imgid']} ." for i in own for k in range(5)
        ]
        assert table.text_to_image.tolist() == [row for row in range(len(own)) for _ in range(5)]


@pytest.mark.parametrize("dtype", ["float16", "float32"])
@pytest.mark.parametrize("copies", [1, 5])
def test_precomputed_tables(tmp_path, copies, dtype):
    images = inputs.write_json(tmp_path / "in")
    features = inputs.make_features(images)
    inputs.write_tables(tmp_path / "in" / "precomp", images, features, copies=copies)
    compare(
        opened(Request("flickr30k", tmp_path / "in", tmp_path / "out", dtype=dtype)),
        images,
        features,
        dtype=np.dtype(dtype),
    )


@pytest.mark.parametrize("naming", ["filename", "stem", "imgid"])
@pytest.mark.parametrize("key", [None, "features", "x", "feat", "arr_0"])
def test_a_file_per_image(tmp_path, naming, key):
    images = inputs.write_json(tmp_path / "in")
    features = inputs.make_features(images, ragged=True)
    names = [inputs.stem_of(entry) if naming == "stem" else str(entry[naming]) for entry in images]
    inputs.write_arrays(
        tmp_path / "in" / "features", [*names, "not_in_the_json"], [*features, features[0]], key
    )
    compare(opened(Request("flickr30k", tmp_path / "in", tmp_path / "out")), images, features)


@pytest.mark.parametrize("naming", ["cocoid", "padded", "imgid", "filename"])
def test_coco_by_every_name_with_restval_in_train(tmp_path, naming):
    images = inputs.write_json(tmp_path / "in", "coco")
    features = inputs.make_features(images)
    names = [
        f"{entry['cocoid']:012d}" if naming == "padded" else str(entry[naming]) for entry in images
    ]
    inputs.write_arrays(tmp_path / "in" / "one", names[::2], features[::2])
    inputs.write_arrays(tmp_path / "in" / "two", names[1::2], features[1::2])
    compare(opened(Request("coco", tmp_path / "in", tmp_path / "out")), images, features, "coco")
    ids = (tmp_path / "out" / "train_ids.txt").read_text().split()
    assert ids == [
        str(entry["cocoid"]) for entry in images if entry["split"] in ("train", "restval")
    ]
    mapping = json.loads((tmp_path / "out" / "id_mapping.json").read_text())
    assert mapping == {
        str(entry["cocoid"]): f"{entry['filepath']}/{entry['filename']}" for entry in images
    }


def test_transposed_arrays_are_told_by_their_boxes(tmp_path):
    images = inputs.write_json(tmp_path / "in")
    features = inputs.make_features(images)
    for entry, values in zip(images, features, strict=True):
        np.savez(
            tmp_path / "in" / f"{inputs.stem_of(entry)}.npz",
            x=values.T,
            bbox=np.zeros((4, 4)),
            num_bbox=4,
        )
    compare(opened(Request("flickr30k", tmp_path / "in", tmp_path / "out")), images, features)


@pytest.mark.parametrize(
    "form", ["table", "beside", "padded", "flat", "groups", "datasets", "suffixed"]
)
def test_hdf5(tmp_path, form):
    images = inputs.write_json(tmp_path / "in", "coco")
    features = inputs.make_features(images, ragged=form not in ("table", "beside"))
    names = [str(entry["cocoid"]) for entry in images]
    inputs.write_hdf5(tmp_path / "in" / "a.hdf5", form, names[3:], features[3:])
    inputs.write_hdf5(tmp_path / "in" / "b.h5", form, names[:3], features[:3])
    compare(opened(Request("coco", tmp_path / "in", tmp_path / "out")), images, features, "coco")


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("long", [False, True])
def test_tsv(tmp_path, end, long):
    images = inputs.write_json(tmp_path / "in", "coco")
    features = inputs.make_features(images, ragged=True)
    names = [str(entry["cocoid"]) for entry in images]
    inputs.write_tsv(tmp_path / "in" / "train.tsv.0", names[5:], features[5:], end=end, long=long)
    inputs.write_tsv(tmp_path / "in" / "train.tsv.1", names[:5], features[:5], end=end, long=long)
    compare(opened(Request("coco", tmp_path / "in", tmp_path / "out")), images, features, "coco")


def test_tsv_lines_beyond_the_limit_of_the_csv_module(tmp_path):
    images = inputs.write_json(tmp_path / "in")
    features = [
        np.random.default_rng(i).standard_normal((2 + i % 3, 17_000)).astype(np.float32)
        for i in range(len(images))
    ]
    path = tmp_path / "in" / "features.tsv"
    inputs.write_tsv(path, [inputs.stem_of(entry) for entry in images], features)
    path.write_bytes(path.read_bytes()[:-1])  # the last line may lack its end
    compare(
        opened(Request("flickr30k", tmp_path / "in", tmp_path / "out", dtype="float32")),
        images,
        features,
        dtype=np.float32,
    )


def test_tsv_lines_of_unexpected_length_are_found_all_the_same(tmp_path):
    """Boxes in float64: every line is longer than foreseen."""
    images = inputs.write_json(tmp_path / "in")
    features = inputs.make_features(images, ragged=True)
    lines = [
        inputs.tsv_line(inputs.stem_of(entry), values).split(b"\t")
        for entry, values in zip(images, features, strict=True)
    ]
    (tmp_path / "in" / "f.tsv").write_bytes(
        b"".join(b"\t".join([*line[:4], line[4] + b"AAAA" * 9, line[5]]) + b"\n" for line in lines)
    )
    compare(opened(Request("flickr30k", tmp_path / "in", tmp_path / "out")), images, features)


def test_precomputed_tables_with_their_own_captions_need_no_json(tmp_path):
    images = inputs.entries()
    features = inputs.make_features(images)
    inputs.write_tables(tmp_path / "in", images, features, copies=5)
    inputs.write_captions(tmp_path / "in", images)
    for stem, repeat in (("train", 1), ("dev", 5), ("test", 1)):
        ids = [
            str(entry["imgid"])
            for entry in images
            if inputs.STEMS["flickr30k"][entry["split"]] == stem
        ]
        (tmp_path / "in" / f"{stem}_ids.txt").write_text(
            "".join(f"{name}\n" * repeat for name in ids)
        )
    found = opened(Request("flickr30k", tmp_path / "in", tmp_path / "out"))
    dev = [i for i, entry in enumerate(images) if entry["split"] == "val"]
    np.testing.assert_array_equal(
        found.data.splits["dev"].features[:], np.stack(features)[dev].astype(np.float16)
    )
    assert (tmp_path / "out" / "dev_ids.txt").read_text().split() == [
        str(images[i]["imgid"]) for i in dev
    ]
    assert (
        found.data.splits["dev"].captions[5] == f"sentence 0 of picture {images[dev[1]]['imgid']}"
    )


def test_tables_of_part_of_dev_follow_their_captions(tmp_path):
    """The published COCO tables have the first 1,000 of 5,000 dev images."""
    images = inputs.write_json(tmp_path / "in")
    features = inputs.make_features(images)
    inputs.write_tables(tmp_path / "in", images, features)
    inputs.write_captions(tmp_path / "in", images)
    table, captions = tmp_path / "in" / "dev_ims.npy", tmp_path / "in" / "dev_caps.txt"
    np.save(table, np.load(table)[:2])
    captions.write_text("".join(captions.read_text().splitlines(keepends=True)[:10]))
    dropped = max(i for i, entry in enumerate(images) if entry["split"] == "val")
    del images[dropped], features[dropped]
    compare(opened(Request("flickr30k", tmp_path / "in", tmp_path / "out")), images, features)


def test_one_dtype_is_read_as_another(tmp_path):
    images = inputs.write_json(tmp_path / "in")
    features = [values.astype(np.float64) for values in inputs.make_features(images)]
    inputs.write_arrays(tmp_path / "in", [inputs.stem_of(entry) for entry in images], features)
    compare(opened(Request("flickr30k", tmp_path / "in", tmp_path / "out")), images, features)


def test_images_alone_become_captions_and_an_id_map(tmp_path):
    images = inputs.write_json(tmp_path / "in", "coco")
    for entry in images:
        path = tmp_path / "in" / "images" / entry["filepath"] / entry["filename"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"an image")
    manifest = prepare(Request("coco", tmp_path / "in", tmp_path / "out"), quiet)
    assert manifest["features"] is None
    assert manifest["splits"]["dev"] == {"images": 3, "captions": 15}
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(
        [f"{stem}_{kind}.txt" for stem in ("train", "dev", "testall") for kind in ("caps", "ids")]
        + ["id_mapping.json", "prepared.json"]
    )
    mapping = json.loads((tmp_path / "out" / "id_mapping.json").read_text())
    assert (
        mapping[str(images[0]["cocoid"])]
        == f"images/{images[0]['filepath']}/{images[0]['filename']}"
    )
    assert all((tmp_path / "in" / name).is_file() for name in mapping.values())
