"""The differences between all pairs of a board's rows, as cells of a square."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from vsebench.report.figures.sketches import short_names
from vsebench.report.statistics.ties import differences
from vsebench.report.wording import count, p_text, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from vsebench.report.leaderboard.board import Board


class Square(NamedTuple):
    """A cell: the row at its left less the row above it.

    Attributes:
        value: mean difference of the headline.
        text: the same as it is written.
        about: its interval and p-value, in words.
        told: whether the two rows can be told apart.
        share: its size as a share of the largest of the board, 0 to 1.
    """

    value: float
    text: str
    about: str
    told: bool
    share: float


class Matrix(NamedTuple):
    """All pairs.

    Attributes:
        names: names of the rows, from the best down.
        places: place of each on the board, from 0.
        cells: a row of cells for each; None on the diagonal and of pairs without a common seed.
        notes: what it is.
    """

    names: list[str]
    places: list[int]
    cells: list[list[Square | None]]
    notes: str


def matrix(board: Board) -> Matrix | None:
    """The pairs of a board's rows; None where none can be tested."""
    block = board.block
    metric, level = block.section.task.headline, block.level
    found = differences(block.section)
    if not found:
        return None
    largest = max(abs(each.estimates.mean) for each in found) or 1.0
    squares = {}
    for each in found:
        _, low, high = each.estimates.interval(level)
        for sign, pair in ((1, (each.row, each.other)), (-1, (each.other, each.row))):
            ends = sorted(sign * (end or 0.0) for end in (low, high))
            squares[pair] = Square(
                sign * each.estimates.mean,
                metric.text(sign * each.estimates.mean, "+"),
                f"{percent(level)} interval {metric.text(ends[0], '+')} … "
                f"{metric.text(ends[1], '+')}, p {p_text(each.p, 1 - level)} of {len(found)}",
                each.p <= 1 - level,
                abs(each.estimates.mean) / largest,
            )
    rows = list(block.section.rows)
    places = [i for i, row in enumerate(rows) if any(row in pair for pair in squares)]
    names = short_names(board)
    over = "seeds and images" if all(each.estimates.images for each in found) else "seeds"
    return Matrix(
        [names[i] for i in places],
        places,
        [[squares.get((rows[i], rows[j])) for j in places] for i in places],
        f"{metric.heading} of the row at the left less that of the row above, paired by seed, over "
        f"{over}. Bold: told apart at {percent(1 - level)} by Holm over "
        f"{count(len(found), 'pair')}; intervals are uncorrected.",
    )


def draw_matrix(found: Matrix, panel: Axes) -> None:
    """Draws the square: ahead in blue, behind in red, the stronger the larger the difference."""
    from matplotlib.patches import Rectangle

    for i, row in enumerate(found.cells):
        for j, cell in enumerate(row):
            if cell is None:
                continue
            hue = "#2b7cb8" if cell.value > 0 else "#cc5c00"
            shade = 0.6 * cell.share
            panel.add_patch(Rectangle((j - 0.5, i - 0.5), 1, 1, color=hue, alpha=shade, lw=0))
            weight = "bold" if cell.told else "normal"
            panel.text(
                j, i, cell.text, ha="center", va="center", fontsize="x-small", fontweight=weight
            )
    size = len(found.names)
    panel.set(xlim=(-0.5, size - 0.5), ylim=(size - 0.5, -0.5), aspect="equal")
    panel.set_xticks(range(size), found.names, rotation=45, ha="left")
    panel.set_yticks(range(size), found.names)
    panel.xaxis.tick_top()
    panel.tick_params(length=0)
    for spine in panel.spines.values():
        spine.set_visible(False)
