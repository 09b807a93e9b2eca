"""Losses of the pattern task, of what a pooling returns and what it should."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor


class MeanSquares:
    """`mse`: the squared error, averaged over sets and dimensions."""

    def __call__(self, found: Tensor, target: Tensor) -> Tensor:
        wide = torch.promote_types(found.dtype, torch.float32)
        return (found.to(wide) - target.to(wide)).square().mean()
