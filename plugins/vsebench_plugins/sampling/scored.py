"""Laws that score candidates with the current model: WARP, dynamic negative sampling, and the exact
softmax.
"""

from __future__ import annotations

from math import comb
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch

from vsebench.kernels.draws import LawSampler, first_accepted, tables
from vsebench.kernels.negatives import below, unit
from vsebench.plugin import MARGIN, NOTHING, DrawKernel, fork

if TYPE_CHECKING:
    from torch import Tensor

    from vsebench.kernels.draws import Case, Found, Request
    from vsebench.plugin import SamplerState

_ELEMENTS = 1 << 25  # floats gathered or scored at once


def candidates(request: Request, trials: Tensor) -> tuple[Tensor, Tensor]:
    """Uniform negatives of those trials, one per draw of a request with k = 1, and their scores:
    int64 and float32 [B, c].
    """
    labels = request.index.nth(request.images, below(fork(request.streams, trials), request.free))
    labels = labels.clamp(max=len(request.Q) - 1)  # of images without a negative
    return labels, torch.einsum("bf,bcf->bc", request.vectors, request.Q[labels])


class Warp(LawSampler):
    """`warp` (WSABIE): uniform trials until a negative violates the margin; the number of trials
    estimates the positive's rank.

    A draw that finds no violator within its trials gives nothing. The weight is L(⌊(A − 1) /
    trials⌋) with L(r) = Σ_{j ≤ r} ξ_j.

    Args:
        trials: the cap; 0 allows A − 1.
        xi: `top` takes ξ_j = 1 / j, which favours the top of the ranking, `mean` ξ_j = 1 / (A − 1),
            the mean rank.
    """

    def __init__(self, trials: int = 0, xi: Literal["top", "mean"] = "top") -> None:
        super().__init__()
        self.trials = trials
        self.xi = xi
        self._numbers = np.zeros(0)
        self._weights = torch.zeros(0)

    def refresh(self, state: SamplerState) -> None:
        super().refresh(state)
        others = max(state.positives.n_labels - 1, 1)
        if len(self._numbers) != 3 + others or self._weights.device != state.Q.device:
            ranks = np.arange(1, others + 1)
            sums = np.cumsum(1 / ranks) if self.xi == "top" else ranks / others
            self._numbers = np.concatenate([[MARGIN, self.trials or others, 0], sums])
            self._weights = torch.from_numpy(self._numbers[2:]).float().to(state.Q.device)

    def kernel(self) -> DrawKernel:
        from vsebench_plugins.sampling.laws_numba import warp, warp_scratch

        return DrawKernel(
            warp, tables(numbers=self._numbers, scratch=warp_scratch(len(self._numbers) - 2))
        )

    def draw(self, request: Request) -> Found:
        shape, limit = request.streams.shape, int(self._numbers[1])
        own = torch.einsum("bf,bf->b", request.vectors, request.Q[request.positives])
        threshold = (own - MARGIN)[:, None].expand(shape).flatten()

        def attempt(draws: Tensor, trials: Tensor) -> tuple[Tensor, Tensor]:
            labels, scores = candidates(request.of(draws), trials)
            return labels, scores > threshold[draws, None]

        limits = (request.free > 0).expand(shape).flatten().long() * limit
        labels, trials = first_accepted(
            attempt,
            torch.arange(len(limits), device=limits.device),
            limits,
            _ELEMENTS // request.Q.shape[1],
        )
        found = trials > 0
        labels = labels.where(found, torch.full_like(labels, NOTHING))
        rank = (len(request.Q) - 1) // trials.clamp(min=1)
        weight = torch.where(found, self._weights[rank], 1)
        return labels.view(shape), trials.where(found, limits).view(shape), weight.view(shape)

    def mass(self, case: Case) -> np.ndarray:
        scores = case.Q @ case.vector
        violators: np.ndarray = (scores > scores[case.positive] - MARGIN).astype(float)
        return violators


class DNS(LawSampler):
    """`dns`: one of the best m of n uniform candidates, by the current model's scores.

    Args:
        n: candidates, drawn with replacement.
        m: number of the best among which one is taken, at equal chances; 1 takes the best.
    """

    def __init__(self, n: int = 8, m: int = 1) -> None:
        super().__init__()
        self.n = n
        self.m = min(m, n)

    def kernel(self) -> DrawKernel:
        from vsebench_plugins.sampling.laws_numba import dns

        return DrawKernel(
            dns,
            tables(numbers=np.array([self.n, self.m], np.float64), scratch=max(2 * self.m, self.n)),
        )

    def draw(self, request: Request) -> Found:
        total = request.streams.numel()
        piece = max(1, _ELEMENTS // (self.n * request.Q.shape[1]))
        numbers = torch.arange(total, device=request.streams.device)
        labels = (
            torch.cat([self._best(request.of(draws)) for draws in torch.split(numbers, piece)])
            if total
            else numbers
        )
        labels = labels.view(request.streams.shape)
        return labels, torch.full_like(labels, self.n), torch.ones_like(labels, dtype=torch.float32)

    def _best(self, request: Request) -> Tensor:
        labels, scores = candidates(request, torch.arange(self.n, device=request.streams.device))
        if self.m == 1:
            return labels.gather(1, scores.argmax(1, keepdim=True)).squeeze(1)
        order = scores.sort(dim=1, descending=True, stable=True).indices
        choice = below(fork(request.streams, torch.full_like(request.streams, self.n)), self.m)
        return labels.gather(1, order.gather(1, choice)).squeeze(1)

    def mass(self, case: Case) -> np.ndarray:
        """Of the j-th best of n: better ones number less than j, so that the sum over j ≤ m of
        order statistics, each at chance 1 / m.
        """
        scores = np.where(case.negative, case.Q @ case.vector, -np.inf)
        order = np.argsort(-scores, kind="stable")
        # Chance that a candidate is among the first
        above = np.minimum(np.arange(len(case.Q) + 1) / case.negative.sum(), 1)
        # Σ over j ≤ m of the chance that the j-th best is among the first
        at_most = np.zeros(len(above))
        for j in range(1, self.m + 1):
            fewer = sum(comb(self.n, i) * above**i * (1 - above) ** (self.n - i) for i in range(j))
            at_most += 1 - fewer
        mass = np.empty(len(case.Q))
        mass[order] = np.diff(at_most)
        return mass


class SoftmaxOracle(LawSampler):
    """`softmax-oracle`: proportional to exp(score / temperature), from the scores of all labels:
    the costly ideal of an adaptive sampler.

    Args:
        temperature: smaller is harder.
    """

    def __init__(self, temperature: float = 1.0) -> None:
        super().__init__()
        self.temperature = temperature
        self._n_labels = 1

    def refresh(self, state: SamplerState) -> None:
        super().refresh(state)
        self._n_labels = state.positives.n_labels

    def kernel(self) -> DrawKernel:
        from vsebench_plugins.sampling.laws_numba import softmax

        return DrawKernel(
            softmax, tables(numbers=np.array([self.temperature]), scratch=self._n_labels)
        )

    def draw(self, request: Request) -> Found:
        piece = max(1, _ELEMENTS // len(request.Q))
        every = torch.arange(len(request.Q), device=request.Q.device)
        rows = torch.arange(len(request.vectors), device=request.Q.device)
        labels = (
            torch.cat([self._invert(request, part, every) for part in torch.split(rows, piece)])
            if len(rows)
            else torch.zeros_like(request.streams)
        )
        return (
            labels,
            torch.full_like(labels, len(request.Q)),
            torch.ones_like(labels, dtype=torch.float32),
        )

    def _invert(self, request: Request, rows: Tensor, every: Tensor) -> Tensor:
        scores = (request.vectors[rows] @ request.Q.T).double()
        scores = scores.masked_fill(request.index.contains(request.images[rows], every), -torch.inf)
        # Of an image with every label: −∞
        best = scores.max(dim=1, keepdim=True).values.clamp(min=torch.finfo(torch.float64).min)
        cumulative = ((scores - best) / self.temperature).exp().cumsum(1)
        level = unit(request.streams[rows]) * cumulative[:, -1:]
        return torch.searchsorted(cumulative, level, right=True).clamp(max=len(request.Q) - 1)

    def mass(self, case: Case) -> np.ndarray:
        scores = (case.Q @ case.vector) / self.temperature
        mass: np.ndarray = np.exp(scores - scores[case.negative].max())
        return mass
