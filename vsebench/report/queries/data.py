"""The captions and images that a section's runs were counted on, where its data set is at hand;
images as thumbnails, text that a page holds.
"""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, cast

from vsebench.plugin import ImageSource
from vsebench.plugin.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from vsebench.data.open import OpenedDataset
    from vsebench.plugin import RetrievalData
    from vsebench.plugin.registry import Component, Registry
    from vsebench.report.rows.sections import Section

SIDE = 112
"""Pixels of the longer side."""
MOST_BYTES = 1_500_000
"""Of all the thumbnails of a data set."""
_QUALITY = 70
_OF_FEATURES = ("dim", "features")
"""Options of data sets that say which features they have, and cannot stand beside `images`."""


class Queried(NamedTuple):
    """What tells whose captions and images a section's ranks are of.

    Attributes:
        dataset: name of the data set, with its parameters.
        counted_on: splits that are counted, `test` or `dev+test`.
    """

    dataset: str
    counted_on: str

    @classmethod
    def by(cls, section: Section) -> Queried:
        """Those of a section."""
        return cls(section.dataset, section.counted_on)


@dataclass(frozen=True)
class Captions:
    """Captions in the order of their ranks.

    Attributes:
        texts: captions of the test split; those of dev, where they count, follow.
        images: index of the image of each.
    """

    texts: tuple[str, ...] = ()
    images: tuple[int, ...] = ()

    def of_image(self, image: int) -> str:
        """The first caption of an image; empty where none is known."""
        return self.texts[self.images.index(image)] if image in self.images else ""

    def of_caption(self, caption: int) -> str:
        """A caption; empty where it is not known."""
        return self.texts[caption] if caption < len(self.texts) else ""


@dataclass
class Thumbnails:
    """Thumbnails of the images that ranks were counted on, made when they are asked for.

    Attributes:
        sources: the images of the test split; those of dev, where they count, follow.
    """

    sources: Sequence[ImageSource] = ()
    _made: dict[int, str] = field(default_factory=dict, repr=False)

    def of(self, image: int) -> str:
        """A `data:` URI of a JPEG; empty where the image is not at hand, or there is no room left.

        Raises:
            DataError: the image cannot be decoded.
        """
        if image not in self._made:
            made = self._make(image)
            room = MOST_BYTES - sum(map(len, self._made.values()))
            self._made[image] = made if len(made) <= room else ""
        return self._made[image]

    def _make(self, image: int) -> str:
        from vsebench.data.images.decode import decode_rgb

        for source in self.sources:
            if image < len(source):
                picture = decode_rgb(source.read(image), source.where(image))
                picture.thumbnail((SIDE, SIDE))
                written = io.BytesIO()
                picture.save(written, "JPEG", quality=_QUALITY, optimize=True)
                return f"data:image/jpeg;base64,{base64.b64encode(written.getvalue()).decode()}"
            image -= len(source)
        return ""


def captions(section: Section, roots: Sequence[Path], registry: Registry) -> Captions:
    """The captions of a section's data set; none of the annotation task.

    Args:
        section: runs made under equal conditions.
        roots: folders in which the data set is looked for.
        registry: where it is registered.

    Raises:
        DataError: it is not in these folders, or damaged.
    """
    _, opened = _opened(section, roots, registry)
    texts: list[str] = []
    images: list[int] = []
    before = 0
    for name in _splits(section):
        split = opened.data.splits[name]
        texts += getattr(split, "captions", ())
        owners = [int(image) for image in getattr(split, "text_to_image", ())]
        images += [before + image for image in owners]
        before += max(owners, default=-1) + 1
    return Captions(tuple(texts), tuple(images))


def thumbnails(
    section: Section, roots: Sequence[Path], registry: Registry, folders: Sequence[Path]
) -> Thumbnails | None:
    """Those of a section's data set: from its raw images where it was trained on them, else from
    the first folder or tar file that has all of them; none of a set that takes no raw images.

    Returns:
        The thumbnails; None where folders would have to be named.

    Args:
        section: runs made under equal conditions, of the retrieval task.
        roots: folders in which the data set is looked for.
        registry: where it is registered.
        folders: folders and tar files of raw images.

    Raises:
        DataError: it is not in these folders, or damaged, or none has its images.
    """
    component, opened = _opened(section, roots, registry)
    data = cast("RetrievalData", opened.data)
    if not isinstance(data.splits["test"].features, ImageSource):
        if not any(param.name == "images" and param.kind is str for param in component.params):
            return Thumbnails()
        if not folders:
            return None
        data = _with_images(
            component, section.runs[0].record.spec.dataset.params, opened.path, folders
        )
    splits = [data.splits[name] for name in _splits(section)]
    return Thumbnails([cast("ImageSource", split.features) for split in splits])


def _splits(section: Section) -> tuple[str, ...]:
    """The splits that are counted, in the order of the ranks."""
    return ("test", "dev") if section.counted_on == "dev+test" else ("test",)


def _opened(
    section: Section, roots: Sequence[Path], registry: Registry
) -> tuple[Component, OpenedDataset]:
    from vsebench.data.described import dataset_component
    from vsebench.data.open import open_dataset

    ref = section.runs[0].record.spec.dataset
    component = dataset_component(registry, ref.name, roots)
    return component, open_dataset(component, ref.params, data_roots=roots)


def _with_images(
    component: Component, params: Mapping[str, object], path: Path, folders: Sequence[Path]
) -> RetrievalData:
    """The data set as it is with raw images in place of features."""
    kept = {key: value for key, value in params.items() if key not in _OF_FEATURES}
    why = []
    for folder in folders:
        try:
            dataset = component.create({**kept, "images": str(folder.absolute())}, strict=False)
            return cast("RetrievalData", dataset.load(path))
        except DataError as error:
            why.append(str(error))
    raise DataError("; ".join(why))
