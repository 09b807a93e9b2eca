"""Small files of every kind that people have, made from one table of features by image."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
import pytest

from vsebench.data.prepare.gather import Request
from vsebench.data.prepare.prepare import prepare
from vsebench.plugin import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

COUNTS = {
    "flickr30k": {"train": 5, "val": 3, "test": 4},
    "coco": {"train": 4, "restval": 2, "val": 3, "test": 4},
}
STEMS = {
    "flickr30k": {"train": "train", "val": "dev", "test": "test"},
    "coco": {"train": "train", "restval": "train", "val": "dev", "test": "testall"},
}
WIDTH = 6


def entries(name: str = "flickr30k") -> list[dict[str, Any]]:
    """The images of a Karpathy JSON, their splits in turn; file names sort in another order than
    the images stand in.
    """
    left = [split for split, count in COUNTS[name].items() for _ in range(count)]
    order = np.random.default_rng(1).permutation(len(left))
    return [_entry(name, number, left[place]) for number, place in enumerate(order)]


def _entry(name: str, number: int, split: str) -> dict[str, Any]:
    sentences = [
        {"raw": f" Sentence {k}  of picture {number} .\n", "tokens": ["sentence"], "sentid": k}
        for k in range(5 + number % 2)
    ]
    common = {"split": split, "sentences": sentences, "imgid": number, "sentids": [1, 2]}
    if name == "coco":
        cocoid, folder = 7 * (number + 3), "val2014" if number % 2 else "train2014"
        return {
            **common,
            "cocoid": cocoid,
            "filepath": folder,
            "filename": f"COCO_{folder}_{cocoid:012d}.jpg",
        }
    return {**common, "filename": f"{9000 - 7 * number}.jpg"}


def write_json(
    folder: Path, name: str = "flickr30k", images: list[dict[str, Any]] | None = None
) -> list[dict[str, Any]]:
    folder.mkdir(parents=True, exist_ok=True)
    images = entries(name) if images is None else images
    (folder / f"dataset_{name}.json").write_text(json.dumps({"dataset": name, "images": images}))
    return images


def make_features(images: Sequence[dict[str, Any]], *, ragged: bool = False) -> list[np.ndarray]:
    """float32 [4, WIDTH] for each image; ragged ones have 1 to 7 regions."""
    rng = np.random.default_rng(0)
    return [
        rng.standard_normal((int(rng.integers(1, 8)) if ragged else 4, WIDTH)).astype(np.float32)
        for _ in images
    ]


def stem_of(entry: dict[str, Any]) -> str:
    return str(entry["filename"]).removesuffix(".jpg")


def write_arrays(
    folder: Path, names: Sequence[str], features: Sequence[np.ndarray], key: str | None = None
) -> None:
    """`.npy` files, or `.npz` with boxes beside the key."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, values in zip(names, features, strict=True):
        if key is None:
            np.save(folder / f"{name}.npy", values)
        else:
            np.savez(
                folder / f"{name}.npz",
                **{key: values, "bbox": np.zeros((len(values), 4), np.float32)},
            )


def tsv_line(image: str, features: np.ndarray, *, long: bool = False) -> bytes:
    """A line of six columns, or of LXMERT's ten."""
    boxes = np.arange(4 * len(features), dtype=np.float32)
    tail = [
        str(len(features)).encode(),
        base64.b64encode(boxes.tobytes()),
        base64.b64encode(features.tobytes()),
    ]
    middle = [base64.b64encode(bytes(8 * len(features)))] * 4 if long else []
    return b"\t".join([image.encode(), b"640", b"480", *middle, *tail])


def write_tsv(
    path: Path,
    names: Sequence[str],
    features: Sequence[np.ndarray],
    *,
    end: bytes = b"\n",
    long: bool = False,
) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(
        b"".join(
            tsv_line(name, values, long=long) + end
            for name, values in zip(names, features, strict=True)
        )
    )


def write_hdf5(path: Path, form: str, names: Sequence[str], features: Sequence[np.ndarray]) -> None:
    """A file in one of the forms: `table`, `beside`, `padded`, `flat`, `groups`, `datasets`,
    `suffixed`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lengths = [len(values) for values in features]
    with h5py.File(path, "w") as file:
        if form in ("table", "beside", "padded"):
            padded = np.full((len(features), max(lengths), WIDTH), 9, np.float32)
            for row, values in zip(padded, features, strict=True):
                row[: len(values)] = values
            file["image_features"] = padded
            file["image_bb"] = np.zeros((len(features), max(lengths), 4), np.float32)
        if form == "padded":
            file["num_boxes"] = np.array(lengths)
        if form == "flat":
            ends = np.cumsum(lengths)
            file["image_features"], file["pos_boxes"] = (
                np.concatenate(features),
                np.stack([ends - lengths, ends], axis=1),
            )
        if form in ("table", "padded", "flat"):
            file["image_ids"] = (
                np.array(names, dtype="S40") if form == "table" else np.array(names, dtype=np.int64)
            )
        if form == "beside":
            path.with_name(f"{path.stem}_ids.txt").write_text("\n".join(names) + "\n")
        for name, values in (
            zip(names, features, strict=True) if form in ("groups", "datasets", "suffixed") else ()
        ):
            inner = {
                "groups": f"{name}/features",
                "datasets": name,
                "suffixed": f"{name}_features",
            }[form]
            file[inner] = values
            if form != "datasets":
                file[f"{name}/boxes" if form == "groups" else f"{name}_boxes"] = np.zeros(
                    (len(values), 4), np.float32
                )


def write_tables(
    folder: Path,
    images: Sequence[dict[str, Any]],
    features: Sequence[np.ndarray],
    name: str = "flickr30k",
    copies: int = 1,
) -> None:
    """Precomputed tables `{split}_ims.npy` in the order of the JSON."""
    folder.mkdir(parents=True, exist_ok=True)
    for stem in dict.fromkeys(STEMS[name].values()):
        rows = [
            values
            for entry, values in zip(images, features, strict=True)
            if STEMS[name][entry["split"]] == stem
        ]
        np.save(
            folder / f"{stem}_ims.npy",
            np.repeat(np.stack(rows), 1 if stem == "train" else copies, axis=0),
        )


def write_captions(folder: Path, images: Sequence[dict[str, Any]], name: str = "flickr30k") -> None:
    """Caption files beside precomputed tables."""
    for stem in dict.fromkeys(STEMS[name].values()):
        own = [entry for entry in images if STEMS[name][entry["split"]] == stem]
        (folder / f"{stem}_caps.txt").write_text(
            "".join(
                f"sentence {k} of picture {entry['imgid']}\n" for entry in own for k in range(5)
            )
        )


def refused(tmp_path: Path, message: str, name: str = "flickr30k", **options: object) -> None:
    """Asks for a set, which is refused in one line with this pattern, and nothing is written."""
    with pytest.raises(DataError, match=message) as error:
        prepare(Request(name, tmp_path / "in", tmp_path / "out", **options), lambda *_: None)
    assert "\n" not in str(error.value)
    assert not list((tmp_path / "out").glob("*"))
