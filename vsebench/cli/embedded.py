"""What `vsebench evaluate` evaluates: images and captions in one space, with how they are scored
and whose each caption is. `brought` opens those in `.npy` files, `embedded_model` makes those of a
trained model.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import typer

from vsebench.plugin.errors import DataError, MissingError, SpecError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import numpy as np

    from vsebench.plugin import RetrievalSplit
    from vsebench.plugin.embeddings import Embedding
    from vsebench.plugin.protocols import Similarity
    from vsebench.retrieval.ranking.metrics import RetrievalMetrics


@dataclass(frozen=True, eq=False)
class Embedded:
    """Images and captions in one space.

    Attributes:
        image: embeddings of n images.
        text: embeddings of m captions.
        images: n.
        texts: m.
        owner: the image of each caption, int64 [m], read when it is needed.
        captions: the captions themselves, read when they are needed; None where nothing says them.
        similarity: how they are scored; None for the inner product.
        scored: how they are scored, in words.
        data_roots: folders in which files of the data set are looked for.
        about: what else JSON says of them.
        second: images and captions that are counted beside these, each ranked among their own.
    """

    image: Embedding | np.ndarray
    text: Embedding | np.ndarray
    images: int
    texts: int
    owner: Callable[[], np.ndarray] = field(repr=False)
    captions: Callable[[], Sequence[str]] | None = field(repr=False)
    similarity: Similarity | None
    scored: str
    data_roots: tuple[Path, ...] = ()
    about: dict[str, Any] = field(default_factory=dict)
    second: Embedded | None = None

    def evaluate(self, protocol: str, *, equal_captions: bool = False) -> RetrievalMetrics:
        """The metrics of a protocol.

        Args:
            protocol: name of the protocol.
            equal_captions: whether captions that are equal word for word match the images of all
                their equals.

        Raises:
            SpecError: there is no such protocol, or the captions are not known.
            DataError: the embeddings do not fit each other, or are not finite.
        """
        from vsebench.retrieval import RetrievalMetrics, evaluate

        if equal_captions and self.captions is None:
            raise SpecError(
                "equal captions can only be found in the captions: name them with --captions FILE, "
                "one a line, or --dataset NAME"
            )
        found = evaluate(
            self.image,
            self.text,
            self.owner(),
            protocol=protocol,  # type: ignore[arg-type]  # another word is its error to raise
            similarity=self.similarity,
            equal_captions=self.captions() if equal_captions and self.captions else None,
        )
        if self.second is None:
            return found
        beside = self.second.evaluate(protocol, equal_captions=equal_captions)
        return RetrievalMetrics.of_galleries([found, beside])

    @property
    def counts(self) -> dict[str, int]:
        """How many images and captions are counted."""
        galleries = [self] if self.second is None else [self, self.second]
        return {
            "images": sum(each.images for each in galleries),
            "captions": sum(each.texts for each in galleries),
        }


def test_split(name: str, plugins: tuple[str, ...], data_roots: Sequence[Path]) -> OpenedTest:
    """The test split of a data set.

    Raises:
        VsebenchError: there is no such set, it cannot be opened, or is not of images and captions.
    """
    from vsebench.cli.options import find_dataset
    from vsebench.data.open import open_dataset
    from vsebench.plugin import RetrievalData

    component, _, params = find_dataset(name, plugins, data_roots)
    opened = open_dataset(component, params, data_roots=data_roots)
    if not isinstance(opened.data, RetrievalData):
        raise DataError(f"{name} is no image–caption set: 'vsebench data list' says which are")
    return OpenedTest(
        component.canonical(params), opened.data.splits["test"], opened.fingerprint, opened.path
    )


@dataclass(frozen=True)
class OpenedTest:
    """The test split of a data set.

    Attributes:
        spec: canonical spec of the data set.
        split: its images and captions.
        fingerprint: identifies its content.
        path: folder that it was found in.
    """

    spec: str
    split: RetrievalSplit
    fingerprint: str
    path: Path


def warn(text: str | None) -> None:
    """Says on one line, beside the output, what a reader of it must know."""
    if text is not None:
        typer.echo(f"vsebench: warning: {text}", err=True)


def open_array(path: Path, dimensions: int) -> np.ndarray:
    """A memory map of a .npy file.

    Raises:
        DataError: no such file, not a whole .npy file, or not of so many dimensions.
    """
    from tokenize import TokenError

    import numpy as np
    from numpy.lib.format import open_memmap

    if path.is_dir():
        raise DataError(f"{path} is a folder: name a .npy file; a run is named alone")
    if not path.is_file():
        raise MissingError(f"{path}: no such file")
    try:
        with np.errstate(over="ignore"):  # of a header that claims more than there is
            array: np.ndarray = open_memmap(path, mode="r")
    except (ValueError, OSError, OverflowError, RecursionError, TokenError) as error:
        raise DataError(f"{path} is not a whole .npy file of numbers: {error}") from error
    if array.dtype.kind not in "biufc":
        raise DataError(f"{path} holds {array.dtype}: expected numbers")
    if array.ndim != dimensions:
        raise DataError(
            f"{path} must have {dimensions} dimension{'s' * (dimensions > 1)}, found shape "
            f"{array.shape}"
        )
    return array
