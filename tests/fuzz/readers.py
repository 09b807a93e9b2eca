"""Every reader of files that others write, each with a sound file of its own."""

from __future__ import annotations

import io
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file

from tests.factories import make_curve, make_record, make_spec, save
from vsebench.claims.file import load_claims
from vsebench.data.annotation.interactions import Interactions
from vsebench.data.images.decode import decode_rgb
from vsebench.data.prepare.arrays import ArrayFiles
from vsebench.data.prepare.hdf5 import Hdf5Files
from vsebench.data.prepare.karpathy import own_set, read_karpathy
from vsebench.data.reading import open_npy, read_captions
from vsebench.grid.suite import load_suite
from vsebench.results.directory import RunDirectory
from vsebench.results.pack import Pack
from vsebench.results.packing import pack
from vsebench.results.store import Store
from vsebench.retrieval.exported.about import (
    ABOUT,
    About,
    DataCard,
    check_files,
    digest,
    read_about,
)

if TYPE_CHECKING:
    from collections.abc import Callable

SPEC = make_spec("gpo", "aoq:h=5", 2)
_CLAIMS = Path(__file__).parents[2] / "claims"


@dataclass(frozen=True)
class Reader:
    """A reader and its file.

    Attributes:
        path: the file that is damaged.
        read: reads it, to what compares by `==`.
        sealed: whether what was written is known, so that damage is refused or changes nothing.
    """

    path: Path
    read: Callable[[], object]
    sealed: bool = False


def readers(folder: Path) -> dict[str, Reader]:
    """All of them, with their files written to a folder."""
    return _runs(folder / "runs") | _inputs(folder / "inputs") | _models(folder / "model")


def _runs(out: Path) -> dict[str, Reader]:
    rng = np.random.default_rng(0)
    run = Store(out).directory_for(SPEC)
    run.write_spec(SPEC)
    for point in make_curve([100, 200]):
        run.append_evaluation(point)
    run.write_ranks(rng.integers(0, 9, 20), rng.integers(0, 9, 100), np.arange(100) // 5)
    run.write_best({"weight": torch.rand(4, 3)})
    save(out, make_record(SPEC), make_curve([100, 200])[:0])
    run.write_record(make_record(SPEC, steps=20))
    packed = out.with_name("packed")
    shutil.copytree(out, packed)
    pack(packed)
    checkpoints = RunDirectory(out.with_name("checkpoints"))
    checkpoints.path.mkdir()
    checkpoints.write_checkpoint({"state": {"step": 7}, "model": {"weight": torch.rand(4, 3)}})

    def curve() -> object:
        record = run.read_record()
        assert record is not None
        return run.read_whole_curve(record)

    def best() -> object:
        run.check_best()
        return _plain(load_file(run.best_path))

    def whole_pack() -> object:
        return [
            (each.read_record(), _plain(each.read_arrays("ranks.npz")))
            for each in Pack(packed).runs
            if each.is_done
        ]

    def checkpoint() -> object:
        found = checkpoints.read_checkpoint(["state", "model"])
        return found and (found["state"], _plain(found["model"]))

    return {
        "record": Reader(run.path / "record.json", run.read_record, sealed=True),
        "seal": Reader(run.path / "done", run.read_record, sealed=True),
        "curve": Reader(run.path / "curve.jsonl", curve, sealed=True),
        "ranks": Reader(
            run.path / "ranks.npz", lambda: _plain(run.read_arrays("ranks.npz")), sealed=True
        ),
        "weights": Reader(run.best_path, best, sealed=True),
        "checkpoint": Reader(checkpoints.checkpoint_path, checkpoint),
        "pack": Reader(packed / "runs.jsonl.gz", whole_pack, sealed=True),
        "packed arrays": Reader(packed / "runs.npz", whole_pack, sealed=True),
    }


def _inputs(folder: Path) -> dict[str, Reader]:
    folder.mkdir()
    rng = np.random.default_rng(1)
    table = rng.random((6, 4, 8), np.float32)
    np.save(folder / "table.npy", table)
    np.savez_compressed(folder / "image.npz", features=table[0], bbox=np.zeros((4, 4)))
    with h5py.File(folder / "features.h5", "w") as file:
        # Of fixed length: in damaged strings of variable length the library itself may not end
        file["features"] = table
        file["ids"] = np.array([f"{index}.jpg" for index in range(6)], "S8")
    (folder / "captions.txt").write_text("a dog runs\ntwo cats sleep\nein Hund läuft\n")
    (folder / "karpathy.json").write_text(json.dumps(_karpathy()))
    interactions = folder / "interactions"
    interactions.mkdir()
    (interactions / "interactions.txt").write_text(
        "".join(f"image{n % 20} label{(n * 7) % 11} 1\n" for n in range(120))
    )
    suite = folder / "suite.toml"
    suite.write_text('pooling = ["gpo", "kmax:k=5"]\nseeds = 3\n[set]\nepochs = 4\nlr = 5e-4\n')
    claims = folder / "claims" / "poolings.toml"
    shutil.copytree(_CLAIMS, claims.parent)
    shutil.copytree(_CLAIMS.parent / "suites", folder / "suites")
    arrays = ArrayFiles(folder, [folder / "image.npz"])
    images = {form: _image(folder, form) for form in ("PNG", "JPEG", "TIFF", "WEBP")}
    return {
        "npy": Reader(
            folder / "table.npy", lambda: open_npy(folder / "table.npy", ndim=3).tobytes()
        ),
        "npz": Reader(
            folder / "image.npz", lambda: (arrays.shape("image"), arrays.read("image").tobytes())
        ),
        "hdf5": Reader(folder / "features.h5", lambda: _hdf5(folder)),
        "captions": Reader(folder / "captions.txt", lambda: read_captions(folder / "captions.txt")),
        "splits": Reader(
            folder / "karpathy.json",
            lambda: read_karpathy(folder / "karpathy.json", own_set("mine")),
        ),
        "interactions": Reader(
            interactions / "interactions.txt",
            lambda: repr(Interactions().load(interactions).splits.keys()),
        ),
        "suite": Reader(suite, lambda: load_suite(suite, {})),
        "claims": Reader(claims, lambda: load_claims(claims).claims),
        **images,
    }


def _models(folder: Path) -> dict[str, Reader]:
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(b"weights" * 9)
    about = About(
        run_id=SPEC.run_id,
        step=1,
        dim=4,
        similarity="dot",
        in_dim=4,
        raw_images=False,
        vocabulary=9,
        data=DataCard(name="scenes", fingerprint="x"),
        packages={"vsebench": "0.1.0"},
        files={"model.safetensors": digest(folder / "model.safetensors")},
    )
    (folder / ABOUT).write_text(about.model_dump_json())
    return {
        "model": Reader(folder / ABOUT, lambda: check_files(folder, read_about(folder))),
        "exported weights": Reader(
            folder / "model.safetensors",
            lambda: check_files(folder, about),
            sealed=True,
        ),
    }


def _karpathy() -> dict[str, Any]:
    return {
        "images": [
            {
                "filename": f"{index}.jpg",
                "split": split,
                "sentences": [{"raw": f"dog number {index}"}, {"raw": "a cat"}],
            }
            for index, split in enumerate(("train", "train", "val", "test"))
        ]
    }


def _image(folder: Path, form: str) -> Reader:
    buffer = io.BytesIO()
    pixels = np.random.default_rng(2).integers(0, 256, (24, 32, 3), np.uint8)
    Image.fromarray(pixels).save(buffer, form)
    path = folder / f"image.{form.lower()}"
    path.write_bytes(buffer.getvalue())
    return Reader(path, lambda: decode_rgb(path.read_bytes(), path.name).tobytes())


def _hdf5(folder: Path) -> object:
    files = Hdf5Files(folder, [folder / "features.h5"])
    try:
        return [(files.shape(key), files.read(key).tobytes()) for key in files._places]
    finally:
        for file in files._open:
            file.close()


def _plain(arrays: Any) -> dict[str, object]:
    return {name: np.asarray(value).tolist() for name, value in arrays.items()}
