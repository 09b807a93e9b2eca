"""Data sets as the suite sees them: image–caption sets and annotation sets."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import numpy as np

    from vsebench.plugin.cards import FeatureKind
    from vsebench.plugin.metrics import TaskName
    from vsebench.plugin.positives import Positives


@runtime_checkable
class FeatureArray(Protocol):
    """Local features of n images, [n, N, d]: a NumPy array, a memory map, or anything that indexes
    alike.

    Indexing with an int64 array [b] reads those b images, as an array [b, N, d] of `dtype`.
    """

    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def dtype(self) -> np.dtype: ...
    def __getitem__(self, index: np.ndarray | slice, /) -> np.ndarray: ...


@runtime_checkable
class ImageSource(Protocol):
    """Raw images of n items: files such as JPEG or PNG, of any size, read one at a time.

    `vsebench.data.images` has folders and tar files of them.
    """

    def __len__(self) -> int: ...
    def read(self, index: int) -> bytes:
        """The content of image `index`'s file. Several threads may call this at once.

        Raises:
            DataError: it cannot be read.
        """
        ...

    def where(self, index: int) -> str:
        """Name of image `index` in error messages."""
        ...

    def stamp(self) -> str:
        """A digest of names, sizes and modification times, which differs if the images may differ.
        Empty if they changed too recently to tell.
        """
        ...


@dataclass(frozen=True)
class RetrievalSplit:
    """One split of an image–caption set.

    Attributes:
        features: [n, N, d] local features, an image's valid rows a prefix; or raw images, for
            encoders that take them.
        lengths: int64 [n], valid rows of each image, 1..N; ones for raw images.
        captions: the texts, any number per image.
        text_to_image: int64 [len(captions)], the image of each caption.
    """

    features: FeatureArray | ImageSource
    lengths: np.ndarray
    captions: Sequence[str]
    text_to_image: np.ndarray


@dataclass(frozen=True)
class RetrievalData:
    """An opened image–caption set.

    Attributes:
        splits: `train`, `dev` and `test`.
        warnings: what a table made from it must say, such as counts that differ from the published
            ones.
        feature_kind: what a local feature is, where the options make it another thing than the card
            says.
    """

    task: ClassVar[TaskName] = "retrieval"

    splits: Mapping[str, RetrievalSplit]
    warnings: tuple[str, ...] = field(default=())
    feature_kind: FeatureKind | None = None


@dataclass(frozen=True, eq=False)
class AnnotationSplit:
    """One split of an annotation set.

    Attributes:
        positives: the labels of its n images; in an aligned set those of this split only.
        features: [n, d], one vector per image, or None: a model then knows images by their row
            alone.
    """

    positives: Positives
    features: FeatureArray | None = None


@dataclass(frozen=True, eq=False)
class AnnotationData:
    """An opened annotation set.

    Attributes:
        splits: `train`, `dev` and `test`.
        n_labels: number of labels.
        label_names: text [n_labels]; empty where labels have no names.
        aligned: row i is the same image in every split, and the splits divide its labels
            (leave-one-out): an image may be known by its row. Otherwise the splits divide the
            images, and every split has features.
        warnings: what a table made from it must say, such as counts that differ from the published
            ones.
    """

    task: ClassVar[TaskName] = "annotation"

    splits: Mapping[str, AnnotationSplit]
    n_labels: int
    label_names: Sequence[str] = ()
    aligned: bool = True
    warnings: tuple[str, ...] = field(default=())

    def known(self, split: str) -> Positives | None:
        """The labels that are left out of a split's rankings: of an aligned set those of train, for
        test those of dev too; None otherwise.

        In dev rankings the test labels count as negatives, since selection must not know them.
        """
        if not self.aligned:
            return None
        train = self.splits["train"].positives
        return train.union(self.splits["dev"].positives) if split == "test" else train


class Dataset(Protocol):
    """A data set of a plugin; created with its options, it opens a folder."""

    def files(self, root: Path) -> Sequence[Path]:
        """The files under `root` whose content defines the data; they are hashed and checked for
        finiteness.

        Raw images are not among them: they are decoded and hashed through their `ImageSource`. A
        generated set returns nothing: its options and its card's version identify it.
        """
        ...

    def load(self, root: Path) -> RetrievalData | AnnotationData:
        """Opens the set without reading features into memory.

        Args:
            root: the folder where it was found; for a generated set, a folder of its own in the
                cache, which it fills.

        Raises:
            DataError: files are missing, truncated or inconsistent.
        """
        ...
