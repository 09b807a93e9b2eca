"""The rank-by-factor law: VSE-ens (Guo et al., AAAI 2018) and adaptive oversampling for BPR (Rendle
and Freudenthaler, WSDM 2014).
"""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch

from vsebench.kernels.draws import LawSampler, first_accepted, tables
from vsebench.kernels.negatives import below, unit
from vsebench.plugin import DrawKernel, fork
from vsebench_plugins.ens.ranking import labels_by_factor, variances

if TYPE_CHECKING:
    from torch import Tensor

    from vsebench.kernels.draws import Case, Found, Request
    from vsebench.plugin import SamplerState

_PATIENCE = 64
_ELEMENTS = 1 << 25  # floats worked on at once


class RankByFactor(LawSampler):
    """Draws a rank r ∝ exp(−r / scale) and a factor f ∝ |v_f| · spread_f: the label of that rank by
    that factor.

    Ranks count from the top where v_f > 0 and from the bottom otherwise. Both are drawn again while
    the label is a positive of the image, at most 64 times: then any negative is as likely as
    another. Rankings and spreads are those of the last refresh, every A · ln A updates.

    Args:
        spread: the standard deviation of the factor over labels, as published, or its variance, as
            in the code released with VSE-ens.
    """

    def __init__(self, spread: Literal["std", "variance"]) -> None:
        super().__init__()
        self.spread = spread
        self._n_labels = 0
        self._ranks = torch.zeros(0, 0, dtype=torch.int32)
        self._spreads = torch.zeros(0)

    @abstractmethod
    def scale(self, n_labels: int) -> float:
        """The scale of the rank law, in ranks."""

    def refresh_every(self, n_labels: int) -> int:
        return max(1, int(n_labels * math.log(n_labels)))

    def refresh(self, state: SamplerState) -> None:
        super().refresh(state)
        self._n_labels = len(state.Q)
        self._ranks = labels_by_factor(state.Q, self._reach())
        self._spreads = variances(state.Q).sqrt() if self.spread == "std" else variances(state.Q)

    def kernel(self) -> DrawKernel:
        from vsebench_plugins.ens.law_numba import rank_by_factor, scratch_size

        scale, mass = self._rank_law()
        numbers = np.concatenate([[scale, mass, _PATIENCE], self._spreads.numpy()])
        return DrawKernel(
            rank_by_factor, tables(self._ranks.numpy(), numbers, scratch_size(len(self._spreads)))
        )

    def _rank_law(self) -> tuple[float, float]:
        """The scale, and 1 − exp(−A / scale): what the untruncated law gives to the A ranks."""
        scale = max(self.scale(self._n_labels), 1e-9)  # of a single label the fraction is 0
        return scale, -math.expm1(-self._n_labels / scale)

    def _reach(self) -> int:
        """A rank that no draw reaches: random numbers have 53 bits, and −ln 2⁻⁵³ is below 37."""
        return int(37 * self._rank_law()[0]) + 1

    def draw(self, request: Request) -> Found:
        weights = request.vectors.abs() * self._spreads
        weights = torch.where(weights.sum(1, keepdim=True) > 0, weights, 1.0)
        cumulative = weights.cumsum(1)
        shape = request.streams.shape
        streams, free = request.streams.flatten(), request.free.expand(shape).flatten()

        def attempt(draws: Tensor, trials: Tensor) -> tuple[Tensor, Tensor]:
            return self._attempt(request, cumulative, draws, trials)

        limits = (free > 0).long() * _PATIENCE
        active = torch.arange(len(limits), device=limits.device)
        labels, trials = first_accepted(attempt, active, limits, _ELEMENTS // cumulative.shape[1])
        images = request.images.expand(shape).flatten()
        lost = (trials == 0).nonzero().squeeze(1)
        last = torch.full_like(streams[lost], 2 * _PATIENCE)
        labels[lost] = request.index.nth(images[lost], below(fork(streams[lost], last), free[lost]))
        trials[lost] = _PATIENCE + 1
        return labels.view(shape), trials.view(shape), torch.ones(shape, device=labels.device)

    def _attempt(
        self, request: Request, cumulative: Tensor, draws: Tensor, trials: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Trials [c] of draws [p]: the labels and whether each is a negative, [p, c]."""
        last, pairs = self._ranks.shape[1] - 1, draws // request.streams.shape[1]
        scale, mass = self._rank_law()
        streams, sums = request.streams.flatten()[draws, None], cumulative[pairs]
        level = unit(fork(streams, 2 * trials + 1)) * sums[:, -1:]
        factors = torch.searchsorted(sums, level, right=True).clamp(max=sums.shape[1] - 1)
        ranks = (
            (-scale * torch.log1p(-unit(fork(streams, 2 * trials)) * mass)).long().clamp(max=last)
        )
        upwards = request.vectors[pairs[:, None], factors] > 0
        labels = self._ranks[factors, torch.where(upwards, ranks, last - ranks)].long()
        return labels, ~request.index.contains(request.images[pairs], labels)

    def mass(self, case: Case) -> np.ndarray:
        scale, _ = self._rank_law()
        weights = np.abs(case.vector) * self._spreads.cpu().numpy()
        weights = weights if weights.sum() > 0 else np.ones_like(weights)
        by_rank = np.exp(-np.arange(min(self._reach(), len(case.Q))) / scale)
        mass = np.zeros(len(case.Q))
        for factor, labels in enumerate(self._ranks.cpu().numpy()):
            order = labels if case.vector[factor] > 0 else labels[::-1]
            mass[order[: len(by_rank)]] += weights[factor] * by_rank
        return mass

    def state_dict(self) -> dict[str, Tensor]:
        return {
            "ranks": self._ranks,
            "spreads": self._spreads,
            "n_labels": torch.tensor(self._n_labels),
        }

    def load_state_dict(self, tables: dict[str, Tensor]) -> None:
        self._ranks, self._spreads = tables["ranks"], tables["spreads"]
        self._n_labels = int(tables["n_labels"])


class VSEens(RankByFactor):
    """`vse-ens`.

    Args:
        lam: λ as published, scale / (A − 1).
        ranks: the scale itself, in ranks, in place of λ; 0 leaves λ to decide.
        spread: `std` as published, `variance` as released.
    """

    def __init__(
        self, lam: float = 0.001, ranks: float = 0.0, spread: Literal["std", "variance"] = "std"
    ) -> None:
        super().__init__(spread)
        self.lam = lam
        self.ranks = ranks

    def scale(self, n_labels: int) -> float:
        return self.ranks or self.lam * (n_labels - 1)


class AoBPR(RankByFactor):
    """`aobpr`: the law of adaptive oversampling, its scale in ranks.

    Args:
        ranks: λ of that paper, the scale of exp(−r / λ).
    """

    def __init__(self, ranks: float = 500.0) -> None:
        super().__init__("std")
        self.ranks = ranks

    def scale(self, n_labels: int) -> float:  # noqa: ARG002  # it does not follow the number of labels
        return self.ranks
