"""What `vsebench evaluate` evaluates: embeddings in `.npy` files, or the best model of a run on its
test split.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import typer

from vsebench.plugin.errors import DataError, MissingError, SpecError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import numpy as np

    from vsebench.plugin.embeddings import Embedding
    from vsebench.plugin.protocols import Similarity
    from vsebench.retrieval.ranking.metrics import RetrievalMetrics

_CAPTIONS = 5


@dataclass(frozen=True, eq=False)
class Embedded:
    """Images and captions in one space.

    Attributes:
        image: embeddings of n images.
        text: embeddings of m captions.
        images: n.
        texts: m.
        owner: the image of each caption, int64 [m], read when it is needed.
        evaluate: gives the metrics of a protocol.
        similarity: how they are scored; None for the inner product.
        data_roots: folders in which files of the data set are looked for.
    """

    image: Embedding | np.ndarray
    text: Embedding | np.ndarray
    images: int
    texts: int
    owner: Callable[[], np.ndarray] = field(repr=False)
    evaluate: Callable[[str], RetrievalMetrics] = field(repr=False)
    similarity: Similarity | None = None
    data_roots: tuple[Path, ...] = ()


def from_files(
    images: Path, texts: Path, text_to_image: Path | None, data_roots: Sequence[Path]
) -> Embedded:
    """Embeddings that someone brings.

    Raises:
        DataError: a file is missing, not a whole .npy file, or of other dimensions.
    """
    image_rows, text_rows = open_array(images, 2), open_array(texts, 2)

    def owner() -> np.ndarray:
        return (
            _five_each(images, texts, len(image_rows), len(text_rows))
            if text_to_image is None
            else open_array(text_to_image, 1)
        )

    def ranked(protocol: str) -> RetrievalMetrics:
        from vsebench.retrieval import evaluate

        return evaluate(image_rows, text_rows, owner(), protocol=protocol)  # type: ignore[arg-type]  # another word is its error to raise

    return Embedded(
        image_rows,
        text_rows,
        len(image_rows),
        len(text_rows),
        owner,
        ranked,
        None,
        tuple(data_roots),
    )


def from_run(run: str, results: Path, data_roots: Sequence[Path], device: str) -> Embedded:
    """The test split as a finished run's best model embeds it.

    Raises:
        VsebenchError: embeddings without captions, no such run, not exactly one, or it cannot be
            used again.
    """
    if run.endswith(".npy"):
        raise SpecError(f"{run} holds the images' embeddings: name the captions' after it")
    import torch

    from vsebench.kernels.devices import resolve_device
    from vsebench.results.find import find_runs
    from vsebench.retrieval.stored import embed_test, mismatch, open_stored

    directories = find_runs([run], results)
    if len(directories) > 1:
        raise SpecError(
            f"'{run}' names {len(directories)} runs in {results}: give one (vsebench ensemble "
            "joins several)"
        )
    stored, where = open_stored(directories[0]), torch.device(resolve_device(device))
    test = embed_test(stored, data_roots, where)
    found, roots = test.split, (*data_roots, test.data_path)
    warn(mismatch(stored, found, where))
    owner = found.text_to_image
    return Embedded(
        found.image,
        found.text,
        int(owner.max()) + 1,
        len(owner),
        lambda: owner,
        found.evaluate,
        found.similarity,
        roots,
    )


def warn(text: str | None) -> None:
    """Says on one line, beside the output, what a reader of it must know."""
    if text is not None:
        typer.echo(f"vsebench: warning: {text}", err=True)


def open_array(path: Path, dimensions: int) -> np.ndarray:
    """A memory map of a .npy file.

    Raises:
        DataError: no such file, not a whole .npy file, or not of so many dimensions.
    """
    from numpy.lib.format import open_memmap

    if path.is_dir():
        raise DataError(f"{path} is a folder: name a .npy file; a run is named alone")
    if not path.is_file():
        raise MissingError(f"{path}: no such file")
    try:
        array: np.ndarray = open_memmap(path, mode="r")
    except (ValueError, OSError) as error:
        raise DataError(f"{path} is not a whole .npy file of numbers: {error}") from error
    if array.ndim != dimensions:
        raise DataError(
            f"{path} must have {dimensions} dimension{'s' * (dimensions > 1)}, found shape "
            f"{array.shape}"
        )
    return array


def _five_each(image_path: Path, text_path: Path, images: int, texts: int) -> np.ndarray:
    """Five consecutive captions per image."""
    import numpy as np

    if texts == _CAPTIONS * images:
        return np.repeat(np.arange(images), _CAPTIONS)
    found = f"{image_path} has {images:,} rows and {text_path} {texts:,}"
    if images == texts and images % _CAPTIONS == 0:
        raise DataError(
            f"{found}: if each image is stored five times, keep one of them (images[::5]), else "
            "say whose each caption is with --text-to-image"
        )
    raise DataError(
        f"{found}, which is not five captions per image: say whose each caption is with "
        "--text-to-image MAP.npy"
    )
