"""Small pictures of a data set's images, as text that a page holds: so many of so many bytes."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from vsebench.plugin import ImageSource
from vsebench.plugin.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

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
    from vsebench.data.described import dataset_component
    from vsebench.data.open import open_dataset

    ref = section.runs[0].record.spec.dataset
    component = dataset_component(registry, ref.name, roots)
    opened = open_dataset(component, ref.params, data_roots=roots)
    data = cast("RetrievalData", opened.data)
    splits = ("test", "dev") if section.counted_on == "dev+test" else ("test",)
    if not isinstance(data.splits["test"].features, ImageSource):
        if not any(param.name == "images" and param.kind is str for param in component.params):
            return Thumbnails()
        if not folders:
            return None
        data = _with_images(component, ref.params, opened.path, folders)
    return Thumbnails([cast("ImageSource", data.splits[name].features) for name in splits])


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
