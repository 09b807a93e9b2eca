"""Karpathy's splits: what is published of them, and the `dataset_*.json` that holds images, their
splits, and their captions.
"""

from __future__ import annotations

import json
import posixpath
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vsebench.data.caption_owners import CAPTIONS
from vsebench.data.prepare.source import Image, Split
from vsebench.data.words import as_line, has_word
from vsebench.plugin import DataError, SpecError
from vsebench.plugin.errors import did_you_mean
from vsebench.text import read_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True)
class Published:
    """One data set as Karpathy split it, or one of somebody's own in the same form.

    Attributes:
        name: what `vsebench data prepare` calls it.
        opens_as: the registered data set that reads the result.
        stems: the output split of each split of the JSON.
        images: published numbers of images by output split; a second number is that of the
            published feature table.
        captions: number of captions kept of each image, the first ones; None for all of them, one
            at least.
    """

    name: str
    opens_as: str
    stems: Mapping[str, str]
    images: Mapping[str, tuple[int, ...]]
    captions: int | None = CAPTIONS

    @property
    def json_name(self) -> str:
        """The published name of its JSON."""
        return f"dataset_{self.name}.json"

    @property
    def outputs(self) -> tuple[str, ...]:
        """The output splits in order."""
        return tuple(dict.fromkeys(self.stems.values()))


_STEMS = {"train": "train", "val": "dev", "test": "test"}

SETS = {
    entry.name: entry
    for entry in (
        Published(
            "flickr30k", "flickr30k", _STEMS, {"train": (29000,), "dev": (1014,), "test": (1000,)}
        ),
        Published(
            "coco",
            "coco",
            {"train": "train", "restval": "train", "val": "dev", "test": "testall"},
            {"train": (113287,), "dev": (5000, 1000), "test": (1000,), "testall": (5000,)},
        ),
        Published(
            "flickr8k", "precomp", _STEMS, {"train": (6000,), "dev": (1000,), "test": (1000,)}
        ),
    )
}


_OWN = {
    **_STEMS,
    "restval": "train",
    "validation": "dev",
    "dev": "dev",
}
"""What sets call their splits."""


def own_set(name: str) -> Published:
    """A set of somebody's own, of which nothing is published."""
    return Published(name, "precomp", _OWN, {}, captions=None)


def published(name: str) -> Published:
    """The data set of that name.

    Raises:
        SpecError: it cannot be prepared.
    """
    if name not in SETS:
        raise SpecError(f"'{name}' is no data set that can be prepared: {did_you_mean(name, SETS)}")
    return SETS[name]


def read_karpathy(path: Path, entry: Published) -> list[Split]:
    """The splits of the JSON, images in its order, and the captions of each that are kept with
    white space made single spaces.

    Args:
        path: the file.
        entry: the data set.

    Raises:
        DataError: the file is missing, truncated or not of that form; an image has an unknown
            split, too few captions, an empty one, or comes twice; a split has no image.
    """
    stems = entry.stems
    splits = {stem: Split(stem, []) for stem in stems.values()}
    seen: dict[str, int] = {}
    for index, fields in enumerate(_entries(path)):
        where = f"{path}, image {index}"
        image, split = _image(fields, where, entry.captions)
        if split not in stems:
            raise DataError(
                f"{where} ({image.label}) is of split {split!r}, expected one of {', '.join(stems)}"
            )
        for name in (f"file {image.path}", f"id {image.id}"):
            if seen.setdefault(name, index) != index:
                raise DataError(
                    f"{where} has {name}, as image {seen[name]} has: expected every image once"
                )
        splits[stems[split]].images.append(image)
    for split, stem in stems.items():
        if not splits[stem].images:
            raise DataError(
                f"{path} has no image of split {split!r}: expected images of {', '.join(stems)}"
            )
    return list(splits.values())


def _entries(path: Path) -> list[Any]:
    """The list `images`; of each sentence only its text is kept, which is a tenth of the memory."""
    text = read_text(path)
    try:
        content = json.loads(text, object_hook=lambda found: found.get("raw", found))
    except RecursionError:
        raise DataError(f"{path} is nested too deeply: get it again") from None
    except ValueError as error:
        raise DataError(f"{path} is not whole JSON ({error}): get it again") from None
    images = content.get("images") if isinstance(content, dict) else None
    if not isinstance(images, list):
        raise DataError(
            f"{path} has no list 'images': expected Karpathy's JSON, with filename, split and "
            "sentences for each image"
        )
    return images


def _image(entry: Any, where: str, wanted: int | None) -> tuple[Image, str]:
    """The image of one entry, and the split that it names; an image of somebody's own set is known
    by its file name where it has no number.
    """
    fields: dict[str, Any] = entry if isinstance(entry, dict) else {}
    name, split, sentences = fields.get("filename"), fields.get("split"), fields.get("sentences")
    number = fields.get("cocoid", fields.get("imgid", name if wanted is None else None))
    if not (
        isinstance(name, str)
        and name
        and isinstance(split, str)
        and isinstance(sentences, list)
        and isinstance(number, int if wanted is not None else int | str)
    ):
        raise DataError(
            f"{where} lacks a filename, a split, an imgid or cocoid, or sentences: expected "
            "Karpathy's JSON"
        )
    captions = tuple(as_line(text) if isinstance(text, str) else "" for text in sentences[:wanted])
    if len(captions) < (wanted or 1):
        raise DataError(
            f"{where} ({name}) has {len(captions)} captions with a text 'raw', expected "
            f"{wanted or 1} or more"
        )
    for order, caption in enumerate(captions):
        if not has_word(caption):
            raise DataError(
                f"{where} ({name}) has no word in caption {order} ({caption!r}): expected a text "
                "'raw' that describes it"
            )
    path = posixpath.join(str(fields.get("filepath", "")), name)
    return Image(str(number), path, captions, str(fields.get("imgid", ""))), split
