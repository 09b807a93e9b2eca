"""Losses of the annotation task, of the difference between a positive's score and a negative's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from vsebench.plugin import MARGIN

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from vsebench.plugin import RankingInputs


class Hinge:
    """`hinge`: [1 − difference]+, as VSE-ens; at the corner the slope is 1, as in its released
    code.
    """

    def __call__(self, inputs: RankingInputs) -> Tensor:
        return (MARGIN - inputs.difference).clamp(min=0).sum()

    def kernel(self) -> Callable[[float, float], tuple[float, float]]:
        from vsebench_plugins.sampling.losses_numba import hinge

        return hinge


class WarpWeighted:
    """`warp-weighted`: the hinge times the sampler's weight, which is 1 for samplers that estimate
    no rank (all but `warp`).
    """

    def __call__(self, inputs: RankingInputs) -> Tensor:
        return (inputs.weight * (MARGIN - inputs.difference).clamp(min=0)).sum()

    def kernel(self) -> Callable[[float, float], tuple[float, float]]:
        from vsebench_plugins.sampling.losses_numba import warp_weighted

        return warp_weighted


class Logistic:
    """`logistic`: ln(1 + exp(−difference)), as Opt-AUC and BPR."""

    def __call__(self, inputs: RankingInputs) -> Tensor:
        return torch.nn.functional.softplus(-inputs.difference).sum()

    def kernel(self) -> Callable[[float, float], tuple[float, float]]:
        from vsebench_plugins.sampling.losses_numba import logistic

        return logistic
