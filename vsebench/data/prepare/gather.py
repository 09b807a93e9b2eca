"""Brings together what a preparation needs: whose captions, and whose features or images; `find`
sees by their names which files a folder holds.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from vsebench.data.caption_owners import OWNERS
from vsebench.data.images.store import SUFFIXES
from vsebench.data.prepare.arrays import ArrayFiles
from vsebench.data.prepare.hdf5 import Hdf5Files
from vsebench.data.prepare.hub import table_files
from vsebench.data.prepare.karpathy import own_set, published, read_karpathy
from vsebench.data.prepare.precomp import PrecompFeatures, read_splits, reconcile
from vsebench.data.prepare.source import Split, match
from vsebench.data.prepare.table_rows import Tables
from vsebench.data.prepare.tsv import TsvFiles
from vsebench.plugin import DataError, MissingError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from vsebench.data.prepare.karpathy import Published
    from vsebench.data.prepare.source import FeatureSource


@dataclass(frozen=True)
class Found:
    """The files under a folder that a preparation may use, sorted.

    Attributes:
        root: the folder, or the only file.
        json: files whose name ends so.
        features: files by form.
        images: image files.
    """

    root: Path
    json: list[Path] = field(default_factory=list)
    features: dict[_Form, list[Path]] = field(default_factory=dict)
    images: list[Path] = field(default_factory=list)


def find(root: Path, leave_out: Path) -> Found:
    """Looks at the names of all files under a folder, hidden ones, what macOS packs into archives,
    and those of the target aside.

    Raises:
        MissingError: there is no such file or folder.
    """
    if not root.exists():
        raise MissingError(
            f"{root} does not exist: expected the folder or file that holds the features or images"
        )
    found = Found(root)
    for path in _files(root, leave_out.resolve()):
        if path.suffix.lower() in SUFFIXES:
            found.images.append(path)
        elif path.suffix == ".json":
            found.json.append(path)
        elif form := next((form for form in _FORMS if form.names.fullmatch(path.name)), None):
            found.features.setdefault(form, []).append(path)
    return found


def open_features(found: Found) -> FeatureSource | None:
    """The source of the features found; None where there are none.

    Raises:
        DataError: there are features in several forms, or in several folders.
    """
    if len(found.features) > 1:
        several = " and ".join(
            f"{len(paths)} {form.title}" for form, paths in found.features.items()
        )
        raise DataError(f"{found.root} holds {several}: say which with --features PATH")
    return next((form.open(found.root, paths) for form, paths in found.features.items()), None)


def _open_tables(root: Path, paths: Sequence[Path]) -> PrecompFeatures:
    folders = list(dict.fromkeys(path.parent for path in paths))
    if len(folders) > 1:
        raise DataError(
            f"{root} holds precomputed tables in {folders[0]} and {folders[1]}: say which with "
            "--features PATH"
        )
    return PrecompFeatures(folders[0])


class _Form(NamedTuple):
    """A form of features: what messages call it, names of its files, and what opens them."""

    title: str
    names: re.Pattern[str]
    open: Callable[[Path, Sequence[Path]], FeatureSource]


_FORMS = (
    _Form(
        "precomputed tables",
        re.compile(r"(train|dev|test|testall)_(ims|lengths|text_to_image)\.npy"),
        _open_tables,
    ),
    _Form(".tsv files", re.compile(r".+\.tsv(\.\d+)?"), TsvFiles),
    _Form("HDF5 files", re.compile(r".+\.(h5|hdf5|hdf)"), Hdf5Files),
    _Form(".npy or .npz files", re.compile(r".+\.np[yz]"), ArrayFiles),
)


def _files(root: Path, leave_out: Path) -> Iterator[Path]:
    """The files below a folder, links followed, each folder once."""
    if root.is_file():
        yield root
        return
    seen = {root.resolve(), leave_out}
    for folder, below, names in os.walk(root, followlinks=True):
        here = Path(folder)
        visible = sorted(name for name in below if not name.startswith((".", "__MACOSX")))
        below.clear()  # what is left of it is walked next
        for name in visible:
            target = (here / name).resolve()
            if target not in seen:
                seen.add(target)
                below.append(name)
        yield from (here / name for name in sorted(names) if not name.startswith("."))


@dataclass(frozen=True)
class Request:
    """What is asked for.

    Attributes:
        name: name of the data set: `flickr30k`, `coco` or `flickr8k`; empty for a set of somebody's
            own.
        origin: folder of the files at hand.
        target: folder that receives the result.
        captions: Karpathy's JSON, when it is not in `origin` under its published name.
        features: folder or file of features, when `origin` holds them in several forms or not at
            all.
        dtype: dtype of the feature tables.
        called: what the result is to be called, where it is not the data set's name.
        tables: whether `origin` holds Parquet or Arrow tables of images and captions.
        columns: what the columns of such tables are called, as `table_rows.Tables` takes them.
    """

    name: str
    origin: Path
    target: Path
    captions: Path | None = None
    features: Path | None = None
    dtype: Literal["float16", "float32"] = "float16"
    called: str = ""
    tables: bool = False
    columns: Mapping[str, str] = field(default_factory=dict)

    @property
    def entry(self) -> Published:
        """What is known of the data set.

        Raises:
            SpecError: it cannot be prepared.
        """
        return published(self.name) if self.name else own_set(self.called)


@dataclass(frozen=True)
class Gathered:
    """What was found.

    Attributes:
        splits: the images and their captions.
        source: their features; None when there are only images.
        texts: the files that captions and ids were read from.
        images: the image files, when there is no source, or the tables that hold them.
        pictures: what yields the file name and the content of each image, when tables hold them.
    """

    splits: list[Split]
    source: FeatureSource | None
    texts: list[Path]
    images: list[Path]
    pictures: Callable[[], Iterator[tuple[str, bytes]]] | None = None

    @property
    def kind(self) -> str:
        """What the features or images are read from, in one word."""
        if self.source:
            return self.source.kind
        return "tables" if self.pictures else "images"


def gather(request: Request) -> Gathered:
    """Finds captions and features.

    Raises:
        DataError: something is missing, ambiguous, damaged or does not fit together.
        SpecError: the data set cannot be prepared.
    """
    entry = request.entry
    if request.tables:
        files = table_files(request.origin)
        tables = Tables(request.origin, files, request.columns)
        rows, by_name = tables.read(entry)
        return Gathered(rows, None, [], files, lambda: tables.pictures(by_name=by_name))
    found = find(request.origin, request.target)
    source = open_features(find(request.features, request.target) if request.features else found)
    captions = request.captions or _json(found, entry.json_name if request.name else "")
    folder = source.root if isinstance(source, PrecompFeatures) else None
    texts = [captions] if captions else []
    if folder is not None:
        texts += [
            path
            for stem in entry.outputs
            for kind in ("caps.txt", "ids.txt", "lengths.npy", OWNERS)
            if (path := folder / f"{stem}_{kind}").is_file()
        ]
    if captions is not None:
        splits = read_karpathy(captions, entry)
        splits = reconcile(splits, folder) if folder else splits
    elif folder is not None:
        splits = read_splits(folder, entry)
    else:
        name = entry.json_name if request.name else "JSON file"
        raise DataError(
            f"{request.origin} has no {name}: expected Karpathy's JSON of splits and captions; say "
            "where it is with --captions FILE"
        )
    if source is not None:
        return Gathered(splits, source, texts, [])
    splits, images = _with_images(splits, found)
    return Gathered(splits, None, texts, images)


def _json(found: Found, name: str) -> Path | None:
    """The JSON of that name, or the only one where the name is empty; None where there is none."""
    named = [path for path in found.json if name in ("", path.name)]
    if len(named) > 1:
        several = f"{', '.join(map(str, named[:3]))}{' …' if len(named) > 3 else ''}"
        raise DataError(
            f"{found.root} has {len(named)} JSON files ({several}): say which holds the captions "
            "with --captions FILE"
        )
    return named[0] if named else None


def _with_images(splits: list[Split], found: Found) -> tuple[list[Split], list[Path]]:
    """The splits with the path of each image under the folder, and those files."""
    if not found.images:
        raise DataError(
            f"{found.root} holds neither features nor images: expected *_ims.npy, .npy, "
            ".npz, HDF5 or .tsv files, or images; say where they are with --features PATH"
        )
    paths: dict[str, Path] = {}
    for path in found.images:
        if (other := paths.setdefault(path.name, path)) != path:
            raise DataError(f"{path} and {other} have one name: expected one file for an image")
    names = match(splits, paths.keys(), found.root)
    chosen = [paths[name] for split in splits for name in names[split.stem]]
    located = []
    for split in splits:
        own = (paths[name].relative_to(found.root).as_posix() for name in names[split.stem])
        images = [replace(image, path=path) for image, path in zip(split.images, own, strict=True)]
        located.append(Split(split.stem, images))
    return located, chosen
