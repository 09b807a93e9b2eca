"""The captions that a section's runs were counted on, where its data set is at hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from vsebench.plugin.registry import Registry
    from vsebench.report.rows.sections import Section


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


def captions(section: Section, roots: Sequence[Path], registry: Registry) -> Captions:
    """The captions of a section's data set; none of the annotation task.

    Args:
        section: runs made under equal conditions.
        roots: folders in which the data set is looked for.
        registry: where it is registered.

    Raises:
        DataError: it is not in these folders, or damaged.
    """
    from vsebench.data.described import dataset_component
    from vsebench.data.open import open_dataset

    ref = section.runs[0].record.spec.dataset
    component = dataset_component(registry, ref.name, roots)
    data = open_dataset(component, ref.params, data_roots=roots).data
    texts: list[str] = []
    images: list[int] = []
    before = 0
    for name in ("test", "dev") if section.counted_on == "dev+test" else ("test",):
        split = data.splits[name]
        texts += getattr(split, "captions", ())
        owners = [int(image) for image in getattr(split, "text_to_image", ())]
        images += [before + image for image in owners]
        before += max(owners, default=-1) + 1
    return Captions(tuple(texts), tuple(images))
