"""Embeddings and scores that someone brings in `.npy` files, as `vsebench evaluate` takes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vsebench.cli.shared.embedded import Embedded, open_array, warn
from vsebench.plugin.errors import DataError, SpecError

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
    """

    images: Path | None = None
    texts: Path | None = None
    scores: Path | None = None
    orientation: str | None = None
    normalise: bool = False
    text_to_image: Path | None = None
    captions: Path | None = None
    split: RetrievalSplit | None = None
    data_roots: tuple[Path, ...] = ()


def open_brought(brought: Brought) -> Embedded:
    """What someone brings, ready to be evaluated.

    Raises:
        DataError: a file is missing, not a whole .npy file, or of other dimensions.
        SpecError: the sides of a matrix of scores cannot be told.
    """
    return _scores(brought) if brought.scores is not None else _rows(brought)


def _rows(brought: Brought) -> Embedded:
    assert brought.images is not None
    assert brought.texts is not None
    image, text = open_array(brought.images, 2), open_array(brought.texts, 2)
    counts = len(image), len(text)
    uneven: str | None = None
    if brought.normalise:
        image, text = _unit(image, brought.images), _unit(text, brought.texts)
    else:
        uneven = _uneven(image, brought.images) or _uneven(text, brought.texts)
    found = f"{brought.images} has {counts[0]:,} rows and {brought.texts} {counts[1]:,}"

    said: list[str | None] = [uneven]

    def owner() -> np.ndarray:
        owners = _owner(brought, counts, found)
        warn(said.pop() if said else None)  # once, and of what can be evaluated only
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
    index = [np.arange(count, dtype=np.float64)[:, None] for count in counts]
    return Embedded(
        index[0],
        index[1],
        counts[0],
        counts[1],
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
    wanted = _counts(brought)
    if shape[0] == shape[1]:
        raise SpecError(
            f"{brought.scores} is square, so that its shape does not tell images from captions: "
            f"say --orientation {' or '.join(sides)}"
        )
    if wanted is None:
        wanted = min(shape), _CAPTIONS * min(shape)
    if shape not in (wanted, wanted[::-1]):
        raise DataError(
            f"{brought.scores} has shape {shape}, expected {wanted[0]:,} images × {wanted[1]:,} "
            "captions, or the other way round"
            + (
                ""
                if _counts(brought)
                else ": say whose each caption is with --text-to-image MAP.npy"
            )
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
    """The image of each caption."""
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
    return _five_each(*counts, found)


def _captions(brought: Brought) -> Callable[[], Sequence[str]] | None:
    if brought.split is not None:
        captions = brought.split.captions
        return lambda: captions
    if brought.captions is not None:
        path = brought.captions

        def read() -> Sequence[str]:
            from vsebench.data.reading import read_captions

            return read_captions(path)

        return read
    return None


def _unit(rows: np.ndarray, path: Path) -> np.ndarray:
    """Rows divided by their norms."""
    import numpy as np

    wide = np.asarray(rows, np.float32 if rows.dtype.itemsize < 4 else rows.dtype)
    norms = np.linalg.norm(wide, axis=1, keepdims=True)
    if len(zero := np.flatnonzero(norms == 0)):
        raise DataError(f"{path}: row {zero[0]} is all zeros, which cannot be normalised")
    unit: np.ndarray = wide / norms
    return unit


def _uneven(rows: np.ndarray, path: Path) -> str | None:
    """What to say where norms vary, so that longer rows win; else None."""
    import numpy as np

    if not rows.size:
        return None
    norms = np.concatenate(
        [
            np.linalg.norm(np.asarray(rows[start : start + 4096], np.float64), axis=1)
            for start in range(0, len(rows), 4096)
        ]
    )
    least, most = float(norms.min()), float(norms.max())
    if not most - least > _UNEVEN * most:
        return None
    return (
        f"rows of {path} have norms from {least:.4g} to {most:.4g}, and scores are inner products "
        "of rows as given: if the model means cosines, pass --normalise"
    )


def _five_each(images: int, texts: int, found: str) -> np.ndarray:
    """Five consecutive captions per image."""
    import numpy as np

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
