"""What is published of the Karpathy splits: names of files, and numbers of images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vsebench.plugin import SpecError
from vsebench.plugin.errors import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Published:
    """One data set as Karpathy split it.

    Attributes:
        name: what `vsebench data prepare` calls it.
        opens_as: the registered data set that reads the result.
        stems: the output split of each split of the JSON.
        images: published numbers of images by output split; a second number is that of the
            published precomputed table.
    """

    name: str
    opens_as: str
    stems: Mapping[str, str]
    images: Mapping[str, tuple[int, ...]]

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


def published(name: str) -> Published:
    """The data set of that name.

    Raises:
        SpecError: it is none that can be prepared.
    """
    if name not in SETS:
        raise SpecError(f"'{name}' is no data set that can be prepared: {did_you_mean(name, SETS)}")
    return SETS[name]
