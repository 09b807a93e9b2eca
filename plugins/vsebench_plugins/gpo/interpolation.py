"""GPO's weights by interpolation over the relative rank, as in FSPool."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vsebench_plugins.gpo.generator import Generator
from vsebench_plugins.learned.fspool import knot_weights

if TYPE_CHECKING:
    from torch import Tensor


class Interpolation(Generator):
    """`generator=interpolation`: scores at equally spaced knots from the first rank to the last,
    linear between them.

    The states are how much each knot counts at a rank; the head holds the scores at the knots.
    Unlike FSPool's, the weights are a softmax of the scores, and by default shared by all
    dimensions: nothing but the generator differs from GPO.
    """

    def __init__(self, knots: int) -> None:
        super().__init__()
        self.size = knots

    def forward(self, rows: Tensor, lengths: Tensor) -> Tensor:
        return knot_weights(lengths, rows.shape[1], self.size - 1).to(rows.dtype)
