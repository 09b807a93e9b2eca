"""The small files beside the feature tables, and `prepared.json`: what was prepared from what,
written last, so that a folder with one is whole.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from vsebench.data.caption_owners import OWNERS
from vsebench.data.fingerprint import scan
from vsebench.data.precomp import IDS, MAPPING
from vsebench.data.reading import npy_bytes
from vsebench.files import read_json
from vsebench.plugin import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from vsebench.data.prepare.source import Split, SplitFeatures

MANIFEST, SCHEMA = "prepared.json", 1


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """The manifest of a folder; None where there is none.

    Raises:
        DataError: it is damaged.
    """
    path = folder / MANIFEST
    if not path.is_file():
        return None
    try:
        content = read_json(path)
    except (OSError, ValueError) as error:
        raise DataError(
            f"{path} is damaged ({error}): delete the folder and prepare it again"
        ) from None
    if not isinstance(content, dict) or content.get("schema") != SCHEMA:
        raise DataError(
            f"{path} is no manifest of this version: delete the folder and prepare it again"
        )
    try:
        _Manifest.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise DataError(
            f"{path} is damaged ({where}: {first['msg']}): delete the folder and prepare it again"
        ) from None
    return content


class _File(BaseModel):
    sha256: str
    bytes: int


class _Split(BaseModel):
    images: int
    captions: int
    shape: tuple[int, int, int] | None = None
    shortest: int | None = None
    longest: int | None = None


class _Precision(BaseModel):
    dtype: str
    largest: float
    relative_error: float
    largest_error: float


class _Manifest(BaseModel):
    """What is read of a manifest."""

    model_config = ConfigDict(strict=True)

    dataset: str
    plan: str
    splits: dict[str, _Split]
    features: _Precision | None
    files: dict[str, _File]
    images: str | None = None


def damaged_files(folder: Path, manifest: dict[str, Any]) -> Iterator[str]:
    """What is wrong with files that the manifest names: one sentence each. Hashes are remembered,
    so a second look is quick.
    """
    for name, known in manifest["files"].items():
        path = folder / name
        if not path.is_file():
            yield f"{name} is missing"
        elif path.stat().st_size != known["bytes"]:
            yield f"{name} has {path.stat().st_size} bytes, prepared were {known['bytes']}"
        elif scan(path).sha256 != known["sha256"]:
            yield f"{name} has another SHA-256 than was prepared"


def small_files(
    splits: Sequence[Split], features: Mapping[str, SplitFeatures], *, owners: bool
) -> dict[str, bytes]:
    """Captions, ids, file names and lengths, as far as they are known, and with `owners` whose each
    caption is: the content of each file by its name.
    """
    files = {}
    images = [image for split in splits for image in split.images]
    for split in splits:
        files[f"{split.stem}_caps.txt"] = _lines(split.captions)
        if owners:
            files[f"{split.stem}_{OWNERS}"] = npy_bytes(split.owners)
        if all(image.id for image in images):
            files[f"{split.stem}_{IDS}"] = _lines([image.id for image in split.images])
        if split.stem in features and features[split.stem].ragged:
            files[f"{split.stem}_lengths.npy"] = npy_bytes(features[split.stem].lengths)
    if all(image.path for image in images):
        files[MAPPING] = json.dumps({image.id: image.path for image in images}, indent=0).encode()
    return files


def about(split: Split, features: SplitFeatures | None) -> dict[str, Any]:
    """What the manifest says of a split."""
    counts = {"images": len(split.images), "captions": len(split.captions)}
    if features is None:
        return counts
    return counts | {
        "shape": list(features.shape),
        "shortest": int(features.lengths.min()),
        "longest": int(features.lengths.max()),
    }


def precision(dtype: np.dtype, largest: float) -> dict[str, Any]:
    """How far a stored value may be from the one that was read, when that had more digits: half a
    unit in the last place of the largest.
    """
    step = float(np.spacing(dtype.type(largest)))
    return {
        "dtype": dtype.name,
        "largest": largest,
        "relative_error": float(np.finfo(dtype).eps) / 2,
        "largest_error": step / 2,
    }


def _lines(lines: list[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()
