"""`tags`, a procedural annotation set: labels of very unequal frequency, and images that prefer
some of them.

Labels follow a Zipf law; each of 32 topics reweighs it by a log-normal factor of its own (`World`).
An image is a mixture of a few topics and draws its labels from that mixture (`generate`), so that
the expected image × label matrix has rank 32 and can be learned by a factor model. Images are made
in blocks, each a function of the options and its number, and streamed to disk (`write`): memory
grows by the offsets of the rows only, 24 bytes an image.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from vsebench.data.annotation.hold_out import aligned, divide
from vsebench.data.generated import ensure_generated
from vsebench.data.reading import open_npy
from vsebench.plugin import AnnotationData, Key, Positives, SpecError

if TYPE_CHECKING:
    from pathlib import Path

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
        seed: seed of everything random.
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


TOPICS = 32
SPREAD = 2.5
"""Standard deviation of the log of a topic's factor on a label's frequency."""


@dataclass(frozen=True, eq=False)
class World:
    """The topics.

    Attributes:
        cumulative: float64 [TOPICS * labels]: k plus the cumulative distribution of topic k over
            labels, one topic after the other, so that one binary search serves all topics.
        labels: number of labels.
    """

    cumulative: np.ndarray
    labels: int

    @classmethod
    def of(cls, options: Options) -> World:
        """The topics over a Zipf law with exponent 1; which label has which frequency is drawn."""
        rng = options.key("world").generator()
        frequency = 1.0 / (1.0 + rng.permutation(options.labels))
        cumulative = np.empty((TOPICS, options.labels))
        for topic, row in enumerate(cumulative):
            np.cumsum(frequency * np.exp(SPREAD * rng.standard_normal(options.labels)), out=row)
            row /= row[-1]
            row += topic
        return cls(cumulative.reshape(-1), options.labels)

    def probabilities(self) -> np.ndarray:
        """float64 [TOPICS, labels], the distribution of each topic."""
        rows = self.cumulative.reshape(TOPICS, self.labels) - np.arange(TOPICS)[:, None]
        return np.diff(rows, axis=1, prepend=0.0)

    def draw(self, topics: np.ndarray, uniform: np.ndarray) -> np.ndarray:
        """A label of each topic.

        Args:
            topics: integers [n].
            uniform: float64 [n] in [0, 1).

        Returns:
            int64 [n].
        """
        found = np.searchsorted(self.cumulative, topics + uniform, side="right")
        last = topics * self.labels + self.labels - 1
        label: np.ndarray = np.minimum(found, last) - topics * self.labels
        return label


CONCENTRATION = 0.1
"""Of the Dirichlet law of an image's topics: about three of the 32 matter."""

# of the gamma law of how many labels an image has: its standard deviation is near 0.7 of its mean
_SHAPE = 2.0
_ROUNDS = 32  # of drawing again in place of labels drawn twice


def mixtures(options: Options, block: int) -> np.ndarray:
    """float64 [BLOCK, TOPICS], each image's distribution over topics."""
    weights = (
        options.key(block, "mixtures").generator().gamma(CONCENTRATION, size=(BLOCK, TOPICS)) + 1e-9
    )
    shares: np.ndarray = weights / weights.sum(axis=1, keepdims=True)
    return shares


def generate(options: Options, world: World, block: int) -> Positives:
    """The labels of `BLOCK` images: different ones of each, drawn one after the other from the
    image's mixture of topics.
    """
    rng = options.key(block, "labels").generator()
    wanted = 1 + rng.poisson((options.mean - 1) * rng.gamma(_SHAPE, 1 / _SHAPE, BLOCK))
    wanted = np.minimum(wanted, max(1, options.labels // 2))
    cumulative = (np.cumsum(mixtures(options, block), axis=1) + np.arange(BLOCK)[:, None]).reshape(
        -1
    )
    keys = np.empty(0, np.int64)
    missing = wanted
    for _ in range(_ROUNDS):
        images = np.repeat(np.arange(BLOCK), missing)
        topics = np.searchsorted(cumulative, images + rng.random(len(images)), side="right")
        topics = np.clip(topics - images * TOPICS, 0, TOPICS - 1)
        drawn = images * options.labels + world.draw(topics, rng.random(len(images)))
        keys = np.sort(np.concatenate([keys, drawn]))
        keys = keys[np.diff(keys, prepend=-1) > 0]
        missing = wanted - np.bincount(keys // options.labels, minlength=BLOCK)
        if not missing.any():
            break
    return Positives.from_pairs(
        keys // options.labels, keys % options.labels, BLOCK, options.labels
    )


SPLITS = ("train", "dev", "test")


def write(folder: Path, options: Options) -> None:
    """Generates the set into `folder`, unless it is there and whole: `{split}_labels.i4`
    (little-endian int32, no header) and `{split}_offsets.npy` (int64) of each split.

    Raises:
        DataError: the disk is too small or cannot be written.
    """
    pairs = options.images * options.mean
    ensure_generated(
        folder,
        int(1.1 * (4 * pairs + 24 * options.images)),
        lambda unfinished: _fill(unfinished, options),
    )


def _fill(folder: Path, options: Options) -> None:
    world = World.of(options)
    offsets = np.zeros((len(SPLITS), options.images + 1), np.int64)
    with ExitStack() as stack:
        files = [
            stack.enter_context((folder / f"{split}_labels.i4").open("wb")) for split in SPLITS
        ]
        for start in range(0, options.images, BLOCK):
            block = start // BLOCK
            parts = divide(
                generate(options, world, block), options.key(block, "hold-out").generator()
            )
            size = min(BLOCK, options.images - start)
            for part, file, row in zip(parts, files, offsets, strict=True):
                file.write(part.labels[: part.offsets[size]].astype("<i4", copy=False).data)
                row[start + 1 : start + size + 1] = row[start] + part.offsets[1 : size + 1]
    for split, row in zip(SPLITS, offsets, strict=True):
        np.save(folder / f"{split}_offsets.npy", row)


class Tags:
    """Images × labels with Zipf frequencies and low-rank preferences, one label of each image held
    out; see `Options` for what can be chosen.
    """

    def __init__(
        self, images: int = 10000, labels: int = 1000, density: float = 0.005, seed: int = 0
    ) -> None:
        self.options = Options(images, labels, density, seed)

    def files(self, root: Path) -> list[Path]:  # noqa: ARG002  # a generated set is identified by its options
        return []

    def load(self, root: Path) -> AnnotationData:
        write(root, self.options)
        train, dev, test = (self._positives(root, split) for split in SPLITS)
        return aligned(train, dev, test)

    def _positives(self, root: Path, split: str) -> Positives:
        """Labels stay on disk, as a memory map."""
        offsets = np.array(open_npy(root / f"{split}_offsets.npy", ndim=1, kinds="i"))
        path = root / f"{split}_labels.i4"
        labels = np.memmap(path, "<i4", mode="r") if offsets[-1] else np.empty(0, np.int32)
        return Positives(offsets, np.asarray(labels), self.options.labels)
