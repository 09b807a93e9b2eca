"""What every generator of GPO's weights does."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import torch
from torch import nn

if TYPE_CHECKING:
    from torch import Tensor


class Generator(nn.Module, ABC):
    """Reads one row for each rank of a set, and gives each rank a state, from which a linear head
    makes scores.

    Attributes:
        size: size of a state.
    """

    size: int

    @abstractmethod
    def forward(self, rows: Tensor, lengths: Tensor) -> Tensor:
        """States [M, N, size] of `rows` [M, N, I] with `lengths` int64 [M], 1..N.

        Rows beyond a set's length are finite; they touch no state that is below it, and their own
        states mean nothing.
        """

    def over_prefixes(self, rows: Tensor, head: nn.Linear) -> Tensor:
        """Scores [N, N, C] (length − 1, rank, output) of `rows` [N, I] cut at every length, by
        `head` from states to C outputs, which has no bias.
        """
        n = len(rows)
        scores: Tensor = head(
            self(rows.expand(n, n, -1), torch.arange(1, n + 1, device=rows.device))
        )
        return scores
