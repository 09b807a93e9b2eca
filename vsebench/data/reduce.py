"""Principal components of a feature table in one byte each: the table of `flickr8k`, made from one
that `vsebench data extract` has written.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import numpy as np

from vsebench.data.feature_table import NAMES as TABLE_NAMES
from vsebench.data.feature_table import open_table
from vsebench.data.flickr8k import FEATURES, NAMES, SCALE
from vsebench.data.reading import npy_bytes, npy_header, read_lines
from vsebench.data.visual import ImageRows
from vsebench.files import guarded, replacing, write_bytes, write_text
from vsebench.plugin import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from vsebench.data.feature_table import FeatureTable

    Report = Callable[[str, int, int], None]

DEVIATIONS, LEVELS = 4, 127
"""Standard deviations of a component that the largest integer stands for; what is beyond is cut."""

_BLOCK = 64
"""Images held in memory at a time, in float64."""


@dataclass(frozen=True)
class Reduction:
    """What is to be reduced.

    Attributes:
        table: the feature table.
        fit: a file with the names of the images, one a line, whose features decide the components.
        target: folder that receives the three files.
        components: number of components.
        square_root: whether square roots of the features are reduced, which non-negative features
            with a long tail need.
    """

    table: Path
    fit: Path
    target: Path
    components: int
    square_root: bool


@dataclass(frozen=True, eq=False)
class Components:
    """Principal components.

    Attributes:
        mean: float64 [d].
        directions: float64 [d, c], orthonormal columns by falling variance; the largest entry of
            each, by its absolute value, is positive.
        deviations: float64 [c], the standard deviation along each.
        share: share of the variance that they hold.
    """

    mean: np.ndarray
    directions: np.ndarray
    deviations: np.ndarray
    share: float

    @property
    def scale(self) -> np.ndarray:
        """float32 [c], what an integer stands for."""
        scale: np.ndarray = (DEVIATIONS * self.deviations / LEVELS).astype(np.float32)
        return scale

    def quantise(self, values: np.ndarray) -> np.ndarray:
        """int8 [..., c] of features [..., d]."""
        scaled = (values - self.mean) @ self.directions / self.scale
        levels: np.ndarray = np.clip(np.rint(scaled), -LEVELS, LEVELS).astype(np.int8)
        return levels


def reduce(wanted: Reduction, report: Report) -> Components:
    """Writes the feature table of integers, their scales and the names of its rows. Memory does not
    grow with the number of images.

    Args:
        wanted: what to reduce, to what.
        report: callback that is told what is being done, how many images of it, and of how many.

    Raises:
        DataError: the table or the list is missing or damaged, they do not fit together, or a file
            is there already.
        WriteError: the folder cannot be written.
    """
    table, target = open_table(wanted.table), wanted.target
    for name in (FEATURES, SCALE, NAMES):
        if (target / name).exists():
            raise DataError(f"{target / name} exists: move it away, or choose another --to")
    listed = [line.strip() for line in read_lines(wanted.fit)]
    rows = ImageRows(table.names, str(table.path / TABLE_NAMES)).of(listed, str(wanted.fit))
    found = components(
        wanted, table, np.array(rows, np.int64), lambda done: report("fitted", done, len(rows))
    )
    images, features, _ = table.features.shape
    with guarded(target, choose="another --to"):
        target.mkdir(parents=True, exist_ok=True)
        names = tuple(PurePosixPath(name).name for name in table.names)
        if len(set(names)) < len(names):  # their folders tell them apart
            names = table.names
        write_text(target / NAMES, "".join(f"{name}\n" for name in names))
        write_bytes(target / SCALE, npy_bytes(found.scale))
        with replacing(target / FEATURES) as file:
            file.write(npy_header((images, features, wanted.components), np.dtype(np.int8)))
            for start, values in _blocks(wanted, table, np.arange(images)):
                file.write(np.ascontiguousarray(found.quantise(values)).data)
                report("reduced", start + len(values), images)
    return found


def components(
    wanted: Reduction, table: FeatureTable, rows: np.ndarray, told: Callable[[int], None]
) -> Components:
    """The principal components of all local features of some rows of a table.

    Args:
        wanted: how many, and of what.
        table: the table.
        rows: int64, rows that decide them.
        told: callback that is told how many rows are read.

    Raises:
        DataError: there are fewer dimensions or local features than components, or a value is
            negative and its square root is wanted.
    """
    _, local, width = table.features.shape
    total = len(rows) * local
    if wanted.components > min(width, total - 1):
        raise DataError(
            f"{table.path} has {total} local features of width {width} in the images of "
            f"{wanted.fit}: expected more than {wanted.components}, or --components "
            f"{min(width, total - 1)} or less"
        )
    sums, products = np.zeros(width), np.zeros((width, width))
    for start, values in _blocks(wanted, table, rows):
        flat = values.reshape(-1, width)
        sums += flat.sum(0)
        products += flat.T @ flat
        told(start + len(values))
    mean = sums / total
    variances, directions = np.linalg.eigh(products / total - np.outer(mean, mean))
    variances = np.maximum(variances[::-1], 0)
    kept = directions[:, ::-1][:, : wanted.components]
    largest = np.abs(kept).argmax(0)
    signs = np.sign(kept[largest, np.arange(wanted.components)])
    deviations = np.sqrt(variances[: wanted.components])
    if not deviations.all():
        raise DataError(
            f"{table.path} varies in {int((deviations > 0).sum())} directions only: give "
            "--components so many or fewer"
        )
    return Components(
        mean, kept * signs, deviations, float((deviations**2).sum() / variances.sum())
    )


def _blocks(
    wanted: Reduction, table: FeatureTable, rows: np.ndarray
) -> Iterator[tuple[int, np.ndarray]]:
    """What is reduced of some rows, float64 [b, N, d], and how many rows come before."""
    for start in range(0, len(rows), _BLOCK):
        values = table.features[rows[start : start + _BLOCK]].astype(np.float64)
        if not np.isfinite(values).all():
            raise DataError(
                f"{table.path} has a value that is not finite: extract the features again"
            )
        if wanted.square_root:
            if values.min() < 0:
                raise DataError(
                    f"{table.path} has the value {values.min():g}, which has no square root: leave "
                    "--square-root out"
                )
            values = np.sqrt(values)
        yield start, values
