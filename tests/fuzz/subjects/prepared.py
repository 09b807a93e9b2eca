"""What `vsebench data prepare`, `data get` and `data reduce` are given."""

from __future__ import annotations

import json
import shutil
import zipfile
from typing import TYPE_CHECKING, Any
from unittest import mock

import h5py
import numpy as np
import pyarrow as pa
from pyarrow import parquet

from tests.data.prepare import inputs
from tests.fuzz.reader import Reader
from vsebench.data import apart
from vsebench.data.download import get
from vsebench.data.fetch import _known
from vsebench.data.prepare.arrays import ArrayFiles
from vsebench.data.prepare.feature_writer import Work
from vsebench.data.prepare.gather import Request, gather
from vsebench.data.prepare.hdf5 import Hdf5Files
from vsebench.data.prepare.karpathy import own_set, published, read_karpathy
from vsebench.data.prepare.manifest import damaged_files, read_manifest
from vsebench.data.prepare.prepare import prepare
from vsebench.data.prepare.source import Image, Split
from vsebench.data.prepare.table_rows import Tables
from vsebench.data.prepare.tsv import TsvFiles
from vsebench.data.reduce import Reduction, reduce
from vsebench.plugin import Download

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

ENTRIES = inputs.entries()
VALUES = inputs.make_features(ENTRIES)
STEMS = [inputs.stem_of(each) for each in ENTRIES]

_SPLIT = Split(
    "train", [Image(f"{number}", f"{stem}.jpg", ("a",)) for number, stem in enumerate(STEMS)]
)


def readers(folder: Path) -> dict[str, Reader]:
    """Their readers, with files written to a folder."""
    folder.mkdir()
    return {
        **_captions(folder / "captions"),
        **_arrays(folder / "arrays"),
        **_hdf5(folder / "hdf5"),
        **_tables(folder / "tables"),
        **_precomputed(folder / "precomputed"),
        **_done(folder / "done"),
        **_got(folder / "got"),
        **_reduced(folder / "reduced"),
    }


def _all(source: Any, keys: Sequence[str] | None = None) -> object:
    if keys is None:
        keys = source.keys([_SPLIT])[_SPLIT.stem]
    return [(source.shape(key), np.asarray(source.read(key)).tobytes()) for key in keys]


def _captions(folder: Path) -> dict[str, Reader]:
    inputs.write_json(folder)
    known = folder / "dataset_flickr30k.json"
    own = folder / "own.json"
    own.write_text(
        json.dumps(
            {
                "images": [
                    {"filename": f"{i}.jpg", "split": split, "sentences": [{"raw": f"dog {i}"}]}
                    for i, split in enumerate(("train", "train", "val", "test"))
                ]
            }
        )
    )
    return {
        "splits": Reader(known, lambda: read_karpathy(known, published("flickr30k"))),
        "own splits": Reader(own, lambda: read_karpathy(own, own_set("mine"))),
    }


def _arrays(folder: Path) -> dict[str, Reader]:
    inputs.write_arrays(folder / "npy", STEMS, VALUES)
    inputs.write_arrays(folder / "npz", STEMS, VALUES, "features")
    inputs.write_tsv(folder / "features.tsv", STEMS, VALUES)
    inputs.write_tsv(folder / "long.tsv", STEMS, VALUES, long=True)
    npy, npz = folder / "npy" / f"{STEMS[0]}.npy", folder / "npz" / f"{STEMS[0]}.npz"
    return {
        "array": Reader(npy, lambda: _all(ArrayFiles(folder, [npy]), STEMS[:1])),
        "packed array": Reader(npz, lambda: _all(ArrayFiles(folder, [npz]), STEMS[:1])),
        **{
            path.name: Reader(path, lambda path=path: _all(TsvFiles(folder, [path])))
            for path in (folder / "features.tsv", folder / "long.tsv")
        },
    }


def _hdf5(folder: Path) -> dict[str, Reader]:
    found = {}
    for form in ("table", "beside", "padded", "flat", "groups", "datasets", "suffixed"):
        path = folder / f"{form}.h5"
        inputs.write_hdf5(path, form, STEMS, VALUES)
        found[f"hdf5 {form}"] = Reader(path, lambda path=path: _hdf5_values(folder, path))
    strings = folder / "strings.h5"
    with h5py.File(strings, "w") as file:
        file["features"] = np.stack(VALUES)
        file["ids"] = np.array(STEMS, h5py.string_dtype())

    def strings_within_seconds() -> object:
        with mock.patch.object(apart, "CPU_SECONDS", 3):
            return _hdf5_values(folder, strings)

    return {
        **found,
        "hdf5 ids": Reader(
            folder / "beside_ids.txt", lambda: _hdf5_values(folder, folder / "beside.h5")
        ),
        "hdf5 strings": Reader(strings, strings_within_seconds),
    }


def _hdf5_values(folder: Path, path: Path) -> object:
    files = Hdf5Files(folder, [path])
    try:
        return _all(files, list(files._places))
    finally:
        for file in files._open:
            file.close()


def _tables(folder: Path) -> dict[str, Reader]:
    folder.mkdir()
    rows = [
        {
            "image": {"bytes": b"\x89PNG" + bytes(20 + number), "path": f"p{number}.png"},
            "captions": [f"caption {k} of {number}" for k in range(1 + number % 3)],
            "image_id": 100 + number,
            "split": split,
        }
        for number, split in enumerate(("train", "train", "train", "validation", "test", "test"))
    ]
    table = pa.Table.from_pylist(rows)
    paths = {"parquet": folder / "a.parquet", "plain parquet": folder / "b.parquet"}
    parquet.write_table(table, paths["parquet"], row_group_size=2)
    parquet.write_table(table, paths["plain parquet"], compression="none", use_dictionary=False)
    arrow = folder / "a.arrow"
    with pa.OSFile(str(arrow), "wb") as file, pa.ipc.new_stream(file, table.schema) as stream:
        stream.write_table(table, max_chunksize=3)

    def read(path: Path) -> object:
        tables = Tables(folder, [path], {})
        splits, by_name = tables.read(own_set("mine"))
        return splits, list(tables.pictures(by_name=by_name))

    return {
        name: Reader(path, lambda path=path: read(path))
        for name, path in {**paths, "arrow": arrow}.items()
    }


def _precomputed(folder: Path) -> dict[str, Reader]:
    """Tables with the JSON, and with captions, ids and lengths instead."""
    known, alone = folder / "json", folder / "alone"
    inputs.write_json(known)
    for place in (known, alone):
        inputs.write_tables(place, ENTRIES, VALUES, copies=5)
        inputs.write_captions(place, ENTRIES)
    np.save(alone / "train_lengths.npy", np.array([4, 3, 2, 1, 4]))
    (alone / "dev_ids.txt").write_text("a\nb\nc\n")

    def read(place: Path, name: str) -> object:
        found = gather(Request(name, place, place / "out", called="" if name else "mine"))
        assert found.source is not None
        keys = [key for own in found.source.keys(found.splits).values() for key in own]
        return found.splits, _all(found.source, keys)

    return {
        "precomputed": Reader(known / "dev_ims.npy", lambda: read(known, "flickr30k")),
        "reconciled": Reader(known / "test_caps.txt", lambda: read(known, "flickr30k")),
        "precomputed alone": Reader(alone / "train_ims.npy", lambda: read(alone, "")),
        "lengths alone": Reader(alone / "train_lengths.npy", lambda: read(alone, "")),
        "captions alone": Reader(alone / "dev_caps.txt", lambda: read(alone, "")),
        "ids alone": Reader(alone / "dev_ids.txt", lambda: read(alone, "")),
    }


def _done(folder: Path) -> dict[str, Reader]:
    """A folder that was prepared, and one whose preparation was interrupted."""
    inputs.write_json(folder / "in")
    inputs.write_arrays(folder / "in", STEMS, VALUES)
    target = folder / "out"
    prepare(Request("flickr30k", folder / "in", target), _silent)

    def manifest() -> object:
        found = read_manifest(target)
        return found and list(damaged_files(target, found))

    unfinished = folder / "unfinished"
    unfinished.mkdir()
    work = Work(unfinished, "a plan", ["train_ims.npy"])
    state = work.folder / "state.json"
    return {
        "manifest": Reader(target / "prepared.json", manifest),
        "unfinished work": Reader(
            state, lambda: Work(unfinished, "a plan", ["train_ims.npy"]).progress("train_ims.npy")
        ),
    }


def _got(folder: Path) -> dict[str, Reader]:
    folder.mkdir()
    archive = folder / "set.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("set/captions.txt", "a dog\n" * 50)
        file.writestr("set/a.png", bytes(200))

    def unpacked(**wanted: Any) -> object:
        target = folder / "target"
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir()
        shutil.copy(archive, target / ".set.zip")  # as an interrupted command leaves it
        return list(get(Download("set.zip", (), **wanted), target, {}, _silent))

    part = folder / "other.part"
    note = folder / "other.part.json"
    note.write_text('{"url": "https://a.example/x", "version": "\\"abc\\""}')
    return {
        "note of a download": Reader(note, lambda: _known(part)),
        "archive": Reader(archive, lambda: unpacked(members={"captions.txt": ""})),
        "archive of images": Reader(archive, lambda: unpacked(folder="images")),
    }


def _reduced(folder: Path) -> dict[str, Reader]:
    folder.mkdir()
    rng = np.random.default_rng(0)
    np.save(folder / "features.npy", rng.random((8, 3, 5)).astype(np.float16))
    (folder / "images.txt").write_text("".join(f"{i}.jpg\n" for i in range(8)))
    (folder / "fit.txt").write_text("".join(f"{i}.jpg\n" for i in range(6)))

    def read() -> object:
        target = folder / "target"
        shutil.rmtree(target, ignore_errors=True)
        reduce(Reduction(folder, folder / "fit.txt", target, 3, False), _silent)
        return [path.read_bytes() for path in sorted(target.iterdir())]

    return {
        "table to reduce": Reader(folder / "features.npy", read),
        "images to fit": Reader(folder / "fit.txt", read),
    }


def _silent(what: str, done: int, total: int) -> None:
    """Tells nobody."""
