"""`prepare`: from what was found to a folder in the precomp layout."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import tarfile
from typing import TYPE_CHECKING, Any

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
    head = _head(request, gathered)
    # What is done is not locked: its folder may be one that cannot be written
    if (before := read_manifest(request.target)) is None:
        with locked(request.target):
            before = read_manifest(request.target)  # of another process, by now
            if before is None:
                return _write(request, gathered, features, head, report)
    return _again(request.target, before, head["plan"])


def _head(request: Request, gathered: Gathered) -> dict[str, Any]:
    """How the manifest begins: what is prepared from what. The plan, a hash of inputs and options,
    decides whether work resumes.

    Features are identified by names and sizes, and within the plan by times of change: hashing a
    hundred gigabytes would take longer than preparing them.
    """

    def name(path: Path) -> str:
        inside = path.is_relative_to(request.origin)
        return path.relative_to(request.origin).as_posix() if inside else path.name

    files = gathered.source.files if gathered.source else gathered.images
    stats = [(name(path), path.stat()) for path in files]
    listing = [(called, stat.st_size) for called, stat in stats]
    inputs = {
        "kind": gathered.kind,
        "files": len(listing),
        "bytes": sum(size for _, size in listing),
        "names_and_sizes_sha256": digest(listing),
        "texts_sha256": {name(path): file_digest(path) for path in gathered.texts},
    }
    plan = [request.name, request.dtype, inputs, [stat.st_mtime_ns for _, stat in stats]]
    plan += [request.called] if request.called else []
    plan += [dict(request.columns)] if request.columns else []
    return {
        "schema": SCHEMA,
        "dataset": request.entry.name,
        "plan": digest(plan),
        "inputs": inputs,
    }


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
    head: dict[str, Any],
    report: Report,
) -> dict[str, Any]:
    """Writes everything, the manifest last."""
    dtype, entry, splits = np.dtype(request.dtype), request.entry, gathered.splits
    arrays = {f"{stem}_ims.npy": split for stem, split in features.items()}
    small = small_files(splits, features, owners=entry.captions is None)
    descriptor = {}
    if request.called:  # its owner's to edit, so that the manifest does not hold its hash
        found = Descriptor(request.called, entry.opens_as)
        descriptor[DESCRIPTOR] = descriptor_text(found).encode()
    _check_space(request.target, sum(feature_bytes(array, dtype) for array in arrays.values()))
    packed = [IMAGES] if gathered.pictures else []
    work = Work(request.target, head["plan"], [*small, *descriptor, *arrays, *packed, MANIFEST])
    files = {}
    for name, content in (small | descriptor).items():
        work.write(name, content)
        if name in small:
            files[name] = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    written = _write_arrays(work, arrays, dtype, report)
    for name, array in written.items():
        files[name] = {"sha256": array.sha256, "bytes": array.bytes}
    largest = max((array.largest for array in written.values()), default=None)
    manifest: dict[str, Any] = {
        **head,
        "splits": {split.stem: about(split, features.get(split.stem)) for split in splits},
        "features": None if largest is None else precision(dtype, largest),
        "files": files,
    }
    if gathered.pictures:
        total = sum(len(split.images) for split in splits)
        manifest["images"] = IMAGES
        files[IMAGES] = _pack(work.folder / IMAGES, gathered.pictures(), total, report)
    if gathered.source and gathered.source.notes:
        manifest["notes"] = list(gathered.source.notes)
    work.write(MANIFEST, (json.dumps(manifest, indent=1) + "\n").encode())
    work.publish()
    return manifest


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
    needed += _SPARE - sum(path.stat().st_size for path in written)
    free = shutil.disk_usage(target).free
    if needed > free:
        raise DataError(
            f"{target} has {free / 1e9:.1f} GB free, expected "
            f"{needed / 1e9:.1f} GB for the arrays: free space or choose "
            "another --to"
        )
