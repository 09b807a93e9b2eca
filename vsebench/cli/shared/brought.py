"""Embeddings and scores that someone brings in `.npy` files, as `vsebench evaluate` takes them."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vsebench.cli.shared.embedded import Embedded
from vsebench.cli.shared.messages import warn
from vsebench.plugin.errors import DataError, MissingError, SpecError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import numpy as np

    from vsebench.plugin import RetrievalSplit

_CAPTIONS = 5
_UNEVEN = 0.01
"""Spread of the norms of rows, relative to the longest, from which it is said that they vary."""


@dataclass(frozen=True)
class Brought:
    """Embeddings or scores that someone brings in files.

    Attributes:
        images: embeddings of images; None where scores are given.
        texts: embeddings of captions; None where scores are given.
        scores: scores of images and captions; None where embeddings are given.
        orientation: `images-captions` or `captions-images`, the sides of `scores`; None where their
            shape tells.
        normalise: whether embeddings are L2-normalised first.
        text_to_image: file of the image of each caption.
        captions: file of the captions, one a line.
        split: test split of a data set, which says both of these.
        data_roots: folders in which files of the data set are looked for.

    Raises:
        SpecError: an option of embeddings comes with scores, or one of scores with embeddings.
    """

    images: Path | None = None
    texts: Path | None = None
    scores: Path | None = None
    orientation: str | None = None
    normalise: bool = False
    text_to_image: Path | None = None
    captions: Path | None = None
    split: RetrievalSplit | None = None
    data_roots: Sequence[Path] = ()

    def __post_init__(self) -> None:
        if self.orientation is not None and self.scores is None:
            raise SpecError("--orientation is about scores: name them with --similarity")
        if self.normalise and self.scores is not None:
            raise SpecError("--normalise is about embeddings in files")

    @property
    def is_model(self) -> bool:
        """Whether it is neither embeddings nor scores: `images` then names a model."""
        return self.texts is None and self.scores is None


def open_brought(brought: Brought) -> Embedded:
    """What someone brings, ready to be evaluated.

    Raises:
        DataError: a file is missing, not a whole .npy file, or of other dimensions.
        SpecError: the sides of a matrix of scores cannot be told.
    """
    return _scores(brought) if brought.scores is not None else _rows(brought)


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
    if not path.exists():
        raise MissingError(f"{path}: no such file")
    if not path.is_file():
        raise DataError(f"{path} is no regular file: an array is mapped, not read from a pipe")
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


def _rows(brought: Brought) -> Embedded:
    assert brought.images is not None
    assert brought.texts is not None
    paths = brought.images, brought.texts
    image, text = given = [open_array(path, 2) for path in paths]
    counts = len(image), len(text)
    found = f"{paths[0]} has {counts[0]:,} rows and {paths[1]} {counts[1]:,}"
    if brought.normalise:
        image, text = (_unit(rows, path) for rows, path in zip(given, paths, strict=True))

    @functools.cache  # the warning comes once, and of what can be evaluated only
    def owner() -> np.ndarray:
        owners = _owner(brought, counts, found)
        if not brought.normalise:
            _warn_uneven(given, paths)
        return owners

    return Embedded(
        image,
        text,
        *counts,
        owner,
        _captions(brought),
        None,
        "cosines: rows L2-normalised" if brought.normalise else "inner products of rows as given",
        brought.data_roots,
    )


def _scores(brought: Brought) -> Embedded:
    import numpy as np

    from vsebench.retrieval.ranking.scored import ScoreMatrix

    assert brought.scores is not None
    scores = open_array(brought.scores, 2)
    if scores.dtype.kind != "f":
        raise DataError(f"{brought.scores} holds {scores.dtype}: expected scores, floats")
    if _captions_first(brought, scores.shape):
        scores = scores.T
    counts = len(scores), scores.shape[1]
    found = f"{brought.scores} is of {counts[0]:,} images and {counts[1]:,} captions"
    image, text = (np.arange(count, dtype=np.float64)[:, None] for count in counts)
    return Embedded(
        image,
        text,
        *counts,
        lambda: _owner(brought, counts, found),
        _captions(brought),
        ScoreMatrix(scores),
        "as given",
        brought.data_roots,
    )


def _captions_first(brought: Brought, shape: tuple[int, ...]) -> bool:
    """Whether the rows of a matrix of scores are captions."""
    sides = "images-captions", "captions-images"
    if brought.orientation is not None:
        return brought.orientation == sides[1]
    if shape[0] == shape[1]:
        raise SpecError(
            f"{brought.scores} is square, so that its shape does not tell images from captions: "
            f"say --orientation {' or '.join(sides)}"
        )
    known = _counts(brought)
    wanted = known or (min(shape), _CAPTIONS * min(shape))
    if shape not in (wanted, wanted[::-1]):
        hint = "" if known else ": say whose each caption is with --text-to-image MAP.npy"
        raise DataError(
            f"{brought.scores} has shape {shape}, expected {wanted[0]:,} images × {wanted[1]:,} "
            f"captions, or the other way round{hint}"
        )
    return shape != wanted


def _counts(brought: Brought) -> tuple[int, int] | None:
    """Numbers of images and captions, where something beside the matrix says them."""
    if brought.split is not None:
        return len(brought.split.lengths), len(brought.split.captions)
    if brought.text_to_image is not None:
        owner = open_array(brought.text_to_image, 1)
        return int(owner.max()) + 1, len(owner)
    return None


def _owner(brought: Brought, counts: tuple[int, int], found: str) -> np.ndarray:
    """The image of each caption; five consecutive captions per image where nothing says it."""
    import numpy as np

    if brought.split is not None:
        wanted = len(brought.split.lengths), len(brought.split.captions)
        if counts != wanted:
            raise DataError(
                f"{found}, the data set's test split {wanted[0]:,} images and {wanted[1]:,} "
                "captions: embed these, each once and in their order"
            )
        return brought.split.text_to_image
    if brought.text_to_image is not None:
        return open_array(brought.text_to_image, 1)
    images, texts = counts
    if texts == _CAPTIONS * images:
        return np.repeat(np.arange(images), _CAPTIONS)
    if images == texts and images % _CAPTIONS == 0:
        raise DataError(
            f"{found}: if each image is stored five times, keep one of them (images[::5]), else "
            "say whose each caption is with --text-to-image"
        )
    raise DataError(
        f"{found}, which is not five captions per image: say whose each caption is with "
        "--text-to-image MAP.npy"
    )


def _captions(brought: Brought) -> Callable[[], Sequence[str]] | None:
    split, path = brought.split, brought.captions
    if split is not None:
        return lambda: split.captions
    if path is None:
        return None
    from vsebench.data.reading import read_captions

    return lambda: read_captions(path)


def _unit(rows: np.ndarray, path: Path) -> np.ndarray:
    """Rows divided by their norms."""
    import numpy as np

    wide = np.asarray(rows, np.float32 if rows.dtype.itemsize < 4 else rows.dtype)
    norms = np.linalg.norm(wide, axis=1, keepdims=True)
    if len(zero := np.flatnonzero(norms == 0)):
        raise DataError(f"{path}: row {zero[0]} is all zeros, which cannot be normalised")
    unit: np.ndarray = wide / norms
    return unit


def _warn_uneven(given: Sequence[np.ndarray], paths: Sequence[Path]) -> None:
    """Warns of the first file in which norms vary, so that longer rows win."""
    import numpy as np

    for rows, path in zip(given, paths, strict=True):
        if not rows.size:
            continue
        blocks = [rows[start : start + 4096] for start in range(0, len(rows), 4096)]
        norms = np.concatenate(
            [np.linalg.norm(np.asarray(block, np.float64), axis=1) for block in blocks]
        )
        least, most = float(norms.min()), float(norms.max())
        if most - least > _UNEVEN * most:
            warn(
                f"rows of {path} have norms from {least:.4g} to {most:.4g}, and scores are inner "
                "products of rows as given: if the model means cosines, pass --normalise"
            )
            return
