"""`prepare`: from what was found to a folder in the precomp layout."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import tarfile
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from vsebench.data.cache import digest, file_digest
from vsebench.data.described import DESCRIPTOR, Descriptor, descriptor_text
from vsebench.data.prepare.feature_writer import (
    UNFINISHED,
    Work,
    feature_bytes,
    locked,
    write_features,
)
from vsebench.data.prepare.gather import Gathered, Request, gather
from vsebench.data.prepare.manifest import (
    MANIFEST,
    SCHEMA,
    about,
    damaged_files,
    precision,
    read_manifest,
    small_files,
)
from vsebench.data.prepare.source import measure
from vsebench.files import settle
from vsebench.plugin import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from vsebench.data.prepare.feature_writer import Written
    from vsebench.data.prepare.source import Report, SplitFeatures

IMAGES = "images.tar"
"""The images of tables that hold them."""

_SPARE = 1 << 27
"""Bytes beside the arrays: captions, ids, state."""


def prepare(request: Request, report: Report) -> dict[str, Any]:
    """Writes the feature arrays, captions and ids of a data set, or what a killed command left to
    do.

    Args:
        request: what from where to where.
        report: callback that is told the progress.

    Returns:
        The manifest, as it stands in `prepared.json`.

    Raises:
        DataError: inputs are missing, damaged or do not fit together; the target cannot be written
            or holds something else.
        SpecError: the data set cannot be prepared.
    """
    gathered = gather(request)
    features = measure(gathered.source, gathered.splits, report) if gathered.source else {}
    identity = _identity(request, gathered)
    # What is done is not locked: its folder may be one that cannot be written
    if (before := read_manifest(request.target)) is None:
        with locked(request.target):
            before = read_manifest(request.target)  # of another process, by now
            if before is None:
                return _write(request, gathered, features, identity, report)
    return _again(request.target, before, identity.plan)


class _Identity(NamedTuple):
    """What is prepared.

    Attributes:
        inputs: what the inputs are, for the manifest.
        plan: hash of inputs and options, which decides whether work resumes.
    """

    inputs: dict[str, Any]
    plan: str


def _identity(request: Request, gathered: Gathered) -> _Identity:
    """What the inputs and the options are.

    Features are identified by names and sizes, and within the plan by times of change: hashing a
    hundred gigabytes would take longer than preparing them.
    """
    stats = [
        (_name(path, request.origin), path.stat())
        for path in (gathered.source.files if gathered.source else gathered.images)
    ]
    listing = [(name, stat.st_size) for name, stat in stats]
    texts = {_name(path, request.origin): file_digest(path) for path in gathered.texts}
    inputs = {
        "kind": _kind(gathered),
        "files": len(listing),
        "bytes": sum(size for _, size in listing),
        "names_and_sizes_sha256": digest(listing),
        "texts_sha256": texts,
    }
    plan = digest(
        [
            request.name,
            request.dtype,
            inputs,
            [stat.st_mtime_ns for _, stat in stats],
            *([request.called] if request.called else []),
            *([dict(request.columns)] if request.columns else []),
        ]
    )
    return _Identity(inputs, plan)


def _kind(gathered: Gathered) -> str:
    if gathered.source:
        return gathered.source.kind
    return "tables" if gathered.pictures else "images"


def _name(path: Path, origin: Path) -> str:
    return path.relative_to(origin).as_posix() if path.is_relative_to(origin) else path.name


def _again(target: Path, manifest: dict[str, Any], plan: str) -> dict[str, Any]:
    """The manifest of a folder that is done, provided that it is this command's and nobody changed
    it.
    """
    if manifest["plan"] != plan:
        raise DataError(
            f"{target} was prepared from other files or with other options: choose another --to, "
            "or delete it"
        )
    if damage := next(damaged_files(target, manifest), None):
        raise DataError(
            f"{target} was prepared before, but {damage}: delete the folder and run the same "
            "command again"
        )
    shutil.rmtree(target / UNFINISHED, ignore_errors=True)
    return manifest


def _write(
    request: Request,
    gathered: Gathered,
    features: dict[str, SplitFeatures],
    identity: _Identity,
    report: Report,
) -> dict[str, Any]:
    """Writes everything, the manifest last."""
    dtype = np.dtype(request.dtype)
    arrays = {f"{stem}_ims.npy": split for stem, split in features.items()}
    entry = request.entry
    small = small_files(gathered.splits, features, owners=entry.captions is None)
    descriptor = _descriptor(request)
    _check_space(request.target, sum(feature_bytes(array, dtype) for array in arrays.values()))
    packed = [IMAGES] if gathered.pictures else []
    work = Work(request.target, identity.plan, [*small, *descriptor, *arrays, *packed, MANIFEST])
    for name, content in (small | descriptor).items():
        work.write(name, content)
    written = _write_arrays(work, arrays, dtype, report)
    files = {
        name: {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
        for name, content in small.items()
    }
    manifest: dict[str, Any] = {
        "schema": SCHEMA,
        "dataset": entry.name,
        "plan": identity.plan,
        "inputs": identity.inputs,
        "splits": {split.stem: about(split, features.get(split.stem)) for split in gathered.splits},
        "features": precision(dtype, max(array.largest for array in written.values()))
        if written
        else None,
        "files": files
        | {name: {"sha256": array.sha256, "bytes": array.bytes} for name, array in written.items()},
    }
    if gathered.pictures:
        total = sum(len(split.images) for split in gathered.splits)
        manifest["images"] = IMAGES
        manifest["files"][IMAGES] = _pack(work.folder / IMAGES, gathered.pictures(), total, report)
    if gathered.source and gathered.source.notes:
        manifest["notes"] = list(gathered.source.notes)
    work.write(MANIFEST, (json.dumps(manifest, indent=1) + "\n").encode())
    work.publish()
    return manifest


def _descriptor(request: Request) -> dict[str, bytes]:
    """The file that gives the result its name; it is its owner's to edit, so that the manifest does
    not hold its hash.
    """
    if not request.called:
        return {}
    found = Descriptor(request.called, request.entry.opens_as)
    return {DESCRIPTOR: descriptor_text(found).encode()}


def _pack(
    path: Path, pictures: Iterator[tuple[str, bytes]], total: int, report: Report
) -> dict[str, Any]:
    """Packs images into a tar file; its hash and size, as the manifest holds them."""
    with path.open("wb") as file:
        with tarfile.open(fileobj=file, mode="w") as tar:
            for done, (name, content) in enumerate(pictures, start=1):
                member = tarfile.TarInfo(name)
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
                report("images", done, total)
        settle(file)
    return {"sha256": file_digest(path), "bytes": path.stat().st_size}


def _write_arrays(
    work: Work, arrays: dict[str, SplitFeatures], dtype: np.dtype, report: Report
) -> dict[str, Written]:
    done, total = 0, sum(len(array.keys) for array in arrays.values())

    def advance(images: int) -> None:
        nonlocal done
        done += images
        report("features", done, total)

    return {
        name: write_features(work, name, array, dtype, advance) for name, array in arrays.items()
    }


def _check_space(target: Path, needed: int) -> None:
    """Refuses to begin what the disk cannot hold; what a killed command has written or published
    already counts as there.
    """
    written = (
        path for folder in (target / UNFINISHED, target) for path in folder.glob("*_ims.npy")
    )
    there = sum(path.stat().st_size for path in written)
    free = shutil.disk_usage(target).free
    if needed - there + _SPARE > free:
        raise DataError(
            f"{target} has {free / 1e9:.1f} GB free, expected "
            f"{(needed - there + _SPARE) / 1e9:.1f} GB for the arrays: free space or choose "
            "another --to"
        )
