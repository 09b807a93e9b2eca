"""Brings together what a preparation needs: whose captions, and whose features or images."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from vsebench.data.prepare.find import find, open_features
from vsebench.data.prepare.karpathy import read_karpathy
from vsebench.data.prepare.naming import match
from vsebench.data.prepare.published import published
from vsebench.data.prepare.rows import PrecompTables, read_splits, reconcile
from vsebench.data.prepare.splits import Split
from vsebench.plugin import DataError

if TYPE_CHECKING:
    from pathlib import Path

    from vsebench.data.prepare.find import Found
    from vsebench.data.prepare.source import FeatureSource


@dataclass(frozen=True)
class Request:
    """What is asked for.

    Attributes:
        name: of the data set: `flickr30k`, `coco` or `flickr8k`.
        origin: folder of the files at hand.
        target: folder that receives the result.
        captions: Karpathy's JSON, when it is not in `origin` under its published name.
        features: folder or file of features, when `origin` holds them in several forms or not at
            all.
        dtype: of the tables.
    """

    name: str
    origin: Path
    target: Path
    captions: Path | None = None
    features: Path | None = None
    dtype: Literal["float16", "float32"] = "float16"


@dataclass(frozen=True)
class Gathered:
    """What was found.

    Attributes:
        splits: the images and their captions.
        source: their features; None when there are only images.
        texts: the files that captions and ids were read from.
        images: the image files, when there is no source.
    """

    splits: list[Split]
    source: FeatureSource | None
    texts: list[Path]
    images: list[Path]


def gather(request: Request) -> Gathered:
    """Finds captions and features.

    Raises:
        DataError: something is missing, ambiguous, damaged or does not fit together.
        SpecError: the data set is none that can be prepared.
    """
    entry = published(request.name)
    found = find(request.origin, request.target)
    source = open_features(find(request.features, request.target) if request.features else found)
    captions = request.captions or _json(found, entry.json_name)
    tables = source.root if isinstance(source, PrecompTables) else None
    beside = [path for stem in entry.outputs for path in _beside(tables, stem)] if tables else []
    if captions is not None:
        splits = read_karpathy(captions, entry.stems)
        splits = reconcile(splits, tables) if tables else splits
    elif tables is not None:
        splits = read_splits(tables, entry.outputs)
    else:
        raise DataError(
            f"{request.origin} has no {entry.json_name}: expected Karpathy's JSON of splits and "
            "captions; say where it is with --captions FILE"
        )
    texts = [*([captions] if captions else []), *beside]
    if source is not None:
        return Gathered(splits, source, texts, [])
    splits, images = _with_images(splits, found)
    return Gathered(splits, None, texts, images)


def _json(found: Found, name: str) -> Path | None:
    """The JSON of that name; None where there is none."""
    named = [path for path in found.json if path.name == name]
    if len(named) > 1:
        raise DataError(
            f"{found.root} has {named[0]} and {named[1]}: say which with --captions FILE"
        )
    return named[0] if named else None


def _beside(folder: Path, stem: str) -> list[Path]:
    """Text files and lengths beside a precomputed table."""
    return [
        path
        for kind in ("caps.txt", "ids.txt", "lengths.npy")
        if (path := folder / f"{stem}_{kind}").is_file()
    ]


def _with_images(splits: list[Split], found: Found) -> tuple[list[Split], list[Path]]:
    """The splits with the path of each image under the folder, and those files."""
    if not found.images:
        raise DataError(
            f"{found.root} holds neither features nor images: expected *_ims.npy tables, .npy, "
            ".npz, HDF5 or .tsv files, or images; say where they are with --features PATH"
        )
    paths: dict[str, Path] = {}
    for path in found.images:
        if (other := paths.setdefault(path.name, path)) != path:
            raise DataError(f"{path} and {other} have one name: expected one file for an image")
    names = match(splits, paths.keys(), found.root)
    chosen = [paths[name] for split in splits for name in names[split.stem]]
    located = [
        Split(
            split.stem,
            [
                replace(image, path=paths[name].relative_to(found.root).as_posix())
                for image, name in zip(split.images, names[split.stem], strict=True)
            ],
        )
        for split in splits
    ]
    return located, chosen
