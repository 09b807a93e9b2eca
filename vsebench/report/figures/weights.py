"""The weights that the rows of a board put on sorted positions, as far as their runs keep them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from vsebench.report.figures.curves import look
from vsebench.report.figures.sketches import Sketch, short_names
from vsebench.report.figures.svg import ROW
from vsebench.report.wording import listed
from vsebench.results.reader import POSITIONS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from vsebench.report.leaderboard.board import Board
    from vsebench.report.rows.runs import Run
    from vsebench.results.components import ComponentRef

WEIGHTS = "weights"
_SIDES = {"image": "local features of an image", "text": "tokens of a caption"}
_DASHES = ((0, (1, 1.6)), (0, (4, 2)), "-")
"""Of the shorter sets and, last, of the longest."""


class Weights(NamedTuple):
    """The weights of a row on one side.

    Attributes:
        seeds: seeds that they are the mean of.
        table: float [L, N], a row for each of L lengths n, from the shortest: the weights of n
            positions, NaN beyond.
    """

    seeds: tuple[int, ...]
    table: NDArray[np.float64]

    @property
    def curves(self) -> list[NDArray[np.float64]]:
        """The weights of each length, float [n]."""
        return [row[~np.isnan(row)] for row in self.table]


def weights_of(runs: Sequence[Run], side: str) -> Weights | None:
    """The weights of a row, means over the seeds that keep them; None where none does.

    Args:
        runs: runs of the row.
        side: `image` or `text`.
    """
    found = {}
    for run in runs:
        if run.done and run.reader is not None:
            table = run.reader.read_arrays(POSITIONS).get(side)
            if table is not None:
                found[run.record.spec.seed] = table.astype(np.float64)
    shape = next(iter(found.values())).shape if found else None
    alike = {seed: table for seed, table in found.items() if table.shape == shape}
    return Weights(tuple(sorted(alike)), np.mean([*alike.values()], axis=0)) if alike else None


def weight_sketches(board: Board, pooling: tuple[str, str] | None = None) -> list[Sketch]:
    """A figure for each side of which a row's runs keep weights.

    Args:
        board: the board.
        pooling: distribution and name of the one pooling whose weights are shown, whatever its
            parameters; by default those of all.
    """
    found = []
    for side in _SIDES:
        rows = {
            i: weights
            for i, runs in enumerate(board.block.section.rows.values())
            if _pools_with(runs[0], side, pooling)
            and (weights := weights_of(runs, side)) is not None
        }
        if rows:
            found.append(_sketch(board, side, rows))
    return found


def _pools_with(run: Run, side: str, pooling: tuple[str, str] | None) -> bool:
    own: ComponentRef | None = getattr(run.record.spec, f"{side}_pooling", None)
    return own is not None and (pooling is None or (own.distribution, own.name) == pooling)


def _sketch(board: Board, side: str, rows: Mapping[int, Weights]) -> Sketch:
    names = short_names(board)

    def draw(panel: Axes) -> None:
        for i in sorted(rows, reverse=True):  # the best on top
            for curve, dash in _curves(rows[i]):
                panel.plot(
                    np.arange(1, len(curve) + 1),
                    curve,
                    color=look(i).color,
                    linewidth=1.8 if dash == "-" else 1.2,
                    linestyle=dash,
                    gid=f"{ROW}{i}",
                )
        panel.set_xlabel("position from the largest value")
        panel.set_ylabel("weight")
        panel.grid(alpha=0.15)

    return Sketch(
        f"{WEIGHTS}-{side}",
        f"Weights over the sorted {_SIDES[side]}",
        "Of each run's best model, means over dimensions and seeds; of weights that depend on the "
        "features, over test items too. Solid: sets of the length that a tenth of the test items "
        "reach; dashed and dotted: of half and of a quarter of it.",
        {
            i: f"{names[i]}: {weights.curves[-1][0]:.2f} on the largest of "
            f"{len(weights.curves[-1])}, seeds {listed(weights.seeds)}"
            for i, weights in rows.items()
        },
        draw,
    )


def _curves(weights: Weights) -> Iterator[tuple[NDArray[np.float64], object]]:
    curves = weights.curves
    yield from zip(curves, _DASHES[-len(curves) :], strict=True)
