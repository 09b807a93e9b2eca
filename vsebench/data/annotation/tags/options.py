"""Options of the procedural tags, and the unit in which they are generated."""

from __future__ import annotations

from dataclasses import dataclass

from vsebench.plugin import Key, SpecError

BLOCK = 1024
"""Images generated together; what an image is does not depend on how many are asked for."""

LEAST = 2.0
"""Labels of an image, on average, below which hardly any could be held out."""


@dataclass(frozen=True)
class Options:
    """What a user may choose.

    Attributes:
        images: how many images.
        labels: how many labels.
        density: share of the image × label pairs that are positive.
        seed: of everything.
    """

    images: int = 10000
    labels: int = 1000
    density: float = 0.005
    seed: int = 0

    def __post_init__(self) -> None:
        if self.mean < LEAST:
            raise SpecError(
                f"dataset 'tags': density={self.density:g} of {self.labels} labels is "
                f"{self.mean:g} labels an image, expected at least {LEAST:g}: give "
                f"density={LEAST / self.labels:g} or more"
            )

    @property
    def mean(self) -> float:
        """Labels of an image, on average."""
        return self.density * self.labels

    def key(self, *path: int | str) -> Key:
        """The random numbers for one purpose."""
        key = Key("tags", self.seed, self.labels)
        for part in path:
            key /= part
        return key
