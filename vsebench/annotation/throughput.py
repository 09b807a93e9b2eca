"""The cost and the quality of a sampler's draws without training, on a synthetic model that ranks
its positives high.
"""

from __future__ import annotations

import math
import statistics
import time
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy.stats import binom

from vsebench.plugin import DrawKey, Key, Positives, SamplerState
from vsebench.plugin.sampling import MARGIN

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

    from vsebench.plugin import Draws, Sampler

_PER_IMAGE = 5  # positives
_CANDIDATES = 32  # of which they are the best
_DEVIATION = 1.5  # of scores
_SECONDS = 0.2  # spent on each figure, at least
_ROUNDS = 5  # at least
_ANCHORS = 8  # images whose law is compared
_DRAWS = 20_000  # looked at, or as many as take `_PATIENCE`
_PATIENCE = 3.0  # seconds of a call, at most


@dataclass(frozen=True)
class Throughput:
    """One sampler at one number of labels.

    Seconds are of CPU time on the CPU, and of the clock on CUDA.

    Attributes:
        labels: number of labels.
        device: `cpu` or `cuda`.
        draws_per_second: draws per second by batch size, one negative per pair; larger batches that
            would take seconds are left out.
        refresh_seconds: seconds of one refresh.
        refresh_every: updates between two; None when one at the start is enough.
        seconds_per_draw: seconds per draw at the largest batch, with a draw's share of the
            refreshes.
        trials_per_draw: candidates looked at.
        useful: share of draws whose negative violates the margin; of those that found one.
        law_distance: total variation between draws and exact law, mean over images; None where a
            sampler does not know its law.
        law_distance_by_chance: its mean for as many draws from the exact law.
    """

    labels: int
    device: str
    draws_per_second: dict[int, float]
    refresh_seconds: float
    refresh_every: int | None
    seconds_per_draw: float
    trials_per_draw: float
    useful: float | None
    law_distance: float | None
    law_distance_by_chance: float | None

    def as_dict(self) -> dict[str, object]:
        return asdict(self)


def planted_state(n_images: int, n_labels: int, dim: int, device: torch.device) -> SamplerState:
    """A synthetic model at the end of its training.

    Labels have Zipf popularity; an image's positives are those that its vector scores best among
    some popular ones.

    Args:
        n_images: images, five labels each.
        n_labels: labels.
        dim: factors.
        device: device of the vectors.
    """
    rng = (Key(0) / "throughput").generator()
    scale = math.sqrt(_DEVIATION / math.sqrt(dim))
    P, Q = (
        scale * rng.standard_normal((rows, dim), dtype=np.float32) for rows in (n_images, n_labels)
    )
    popularity = np.cumsum(1 / np.arange(1, n_labels + 1))
    best = np.empty((n_images, min(_PER_IMAGE, max(n_labels - 1, 1))), np.int64)
    for start in range(0, n_images, 1024):
        block = P[start : start + 1024]
        drawn = np.searchsorted(popularity, rng.random((len(block), _CANDIDATES)) * popularity[-1])
        order = np.argsort(-np.einsum("bf,bcf->bc", block, Q[drawn]), axis=1)[:, : best.shape[1]]
        best[start : start + 1024] = np.take_along_axis(drawn, order, axis=1)
    positives = Positives.from_pairs(
        np.repeat(np.arange(n_images), best.shape[1]), best.ravel(), n_images, n_labels
    )
    return SamplerState(torch.from_numpy(P).to(device), torch.from_numpy(Q).to(device), positives)


def measure(sampler: Sampler, state: SamplerState, batches: Sequence[int]) -> Throughput:
    """Times a sampler's refresh and draws, and compares them with its law.

    Args:
        sampler: sampler on the device of the state.
        state: the model and its positives.
        batches: pairs per call.
    """
    device, n_labels = state.Q.device, state.positives.n_labels
    sampler.refresh(state)
    speeds: dict[int, float] = {}
    for batch in sorted(batches):
        if not speeds or batch / speeds[max(speeds)] <= _PATIENCE:
            speeds[batch] = batch / _seconds(partial(_sample, sampler, state, batch), device)
    draws = min(_DRAWS, 1 + int(speeds[max(speeds)] * _PATIENCE))
    refresh, every = (
        _seconds(partial(sampler.refresh, state), device),
        sampler.refresh_every(n_labels),
    )
    drawn = _sample(sampler, state, draws)
    distance, chance = _law_distance(
        sampler, state, max(1, draws // (1 if draws == _DRAWS else _ANCHORS))
    )
    return Throughput(
        labels=n_labels,
        device=device.type,
        draws_per_second=speeds,
        refresh_seconds=refresh,
        refresh_every=every,
        seconds_per_draw=1 / speeds[max(speeds)] + (refresh / every if every else 0.0),
        trials_per_draw=float(drawn.trials.double().mean()),
        useful=_useful(state, drawn),
        law_distance=distance,
        law_distance_by_chance=chance,
    )


def _pairs(state: SamplerState, count: int) -> tuple[Tensor, Tensor]:
    """Random pairs: images and labels, int64 [count], the same at every call."""
    numbers = (Key(0) / "pairs").generator().integers(0, state.positives.n_pairs, count)
    images, labels = (
        state.positives.images()[numbers],
        state.positives.labels[numbers].astype(np.int64),
    )
    return torch.from_numpy(images).to(state.Q.device), torch.from_numpy(labels).to(state.Q.device)


def _sample(sampler: Sampler, state: SamplerState, batch: int) -> Draws:
    images, labels = _pairs(state, batch)
    return sampler.sample(state, images, labels, 1, DrawKey(0, 0))


def _seconds(call: Callable[[], object], device: torch.device) -> float:
    """Median seconds of a call, after one that compiles: of CPU time, which other load on the
    machine disturbs least, or of the clock on CUDA.
    """
    call()
    times: list[float] = []
    end = time.perf_counter() + _SECONDS
    while len(times) < _ROUNDS or time.perf_counter() < end:
        times.append(_timed(call, device))
    return statistics.median(times)


def _timed(call: Callable[[], object], device: torch.device) -> float:
    if device.type == "cpu":
        start = time.process_time()
        call()
        return time.process_time() - start
    torch.cuda.synchronize(device)
    start = time.perf_counter()
    call()
    torch.cuda.synchronize(device)
    return time.perf_counter() - start


def _useful(state: SamplerState, drawn: Draws) -> float | None:
    """Share of found negatives that score above their positive less the margin."""
    images, labels = _pairs(state, len(drawn.negatives))
    negatives = drawn.negatives[:, 0]
    found = negatives >= 0
    if not bool(found.any()):
        return None
    vectors = state.P[images[found]]
    lead = (vectors * (state.Q[labels[found]] - state.Q[negatives[found]])).sum(1)
    return float((lead < MARGIN).double().mean())


def _law_distance(
    sampler: Sampler, state: SamplerState, draws: int
) -> tuple[float | None, float | None]:
    """Total variation between the draws of some pairs and their law, and its mean for draws from
    the law itself.
    """
    if not hasattr(sampler, "law"):
        return None, None
    images, labels = _pairs(state, _ANCHORS)
    distances, chances = [], []
    for image, label in zip(images, labels, strict=True):
        drawn = sampler.sample(
            state, image.expand(draws), label.expand(draws), 1, DrawKey(1, 0)
        ).negatives
        found = drawn[drawn >= 0].cpu().numpy()
        if len(found) == 0:
            continue
        law = sampler.law(state, int(image), int(label))
        distances.append(
            0.5 * np.abs(np.bincount(found, minlength=len(law)) / len(found) - law).sum()
        )
        chances.append(0.5 * _mean_deviations(law[law > 0], len(found)).sum())
    return (float(np.mean(distances)), float(np.mean(chances))) if distances else (None, None)


def _mean_deviations(law: np.ndarray, draws: int) -> np.ndarray:
    """E |X / n − p| for X binomial (n, p), by de Moivre's formula: 2 ν (1 − p) P(X = ν) / n with ν
    = ⌊n p⌋ + 1.
    """
    nu = np.minimum(np.floor(draws * law) + 1, draws)
    deviations: np.ndarray = 2 * nu * (1 - law) * binom.pmf(nu, draws, law) / draws
    return deviations
