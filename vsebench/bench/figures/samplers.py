"""Draws of negative samplers for a batch of pairs, on a synthetic model at the end of its training,
labels of Zipf popularity. The floor makes as many random numbers.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch

from vsebench.annotation.throughput import planted_state
from vsebench.bench.figure import Figure, Work
from vsebench.bench.references import samplers as plain
from vsebench.plugin import DrawKey
from vsebench.plugin.specs import create

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from vsebench.bench.figure import Setting
    from vsebench.plugin import SamplerState

DIM = 100
_CANDIDATES = 5

SAMPLERS = {
    "uniform": "drawn again while positive",
    f"dns:n={_CANDIDATES}": "candidates drawn and scored",
    "vse-ens": "two multinomial draws",
}
"""What the plain version of each does."""


def work(spec: str, setting: Setting) -> Work:
    """One negative for each of 4,096 pairs of 20,000 images and 5,000 labels at full size; a
    million pairs on CUDA.
    """
    images, labels = setting.pick(tiny=(30, 20), quick=(2_000, 300), full=(20_000, 5_000))
    large = setting.size == "full" and setting.device.type == "cuda"
    batch = 1 << 20 if large else setting.pick(tiny=16, quick=4096, full=4096)
    state = planted_state(images, labels, DIM, setting.device)
    sampler = create("sampler", spec)
    sampler.refresh(state)
    numbers = np.random.default_rng(0).integers(0, state.positives.n_pairs, batch)
    pairs = tuple(
        torch.from_numpy(each.astype(np.int64))
        for each in (state.positives.images(), state.positives.labels)
    )
    owners, own = (each[numbers].to(setting.device) for each in pairs)
    has = torch.zeros(images, labels, dtype=torch.bool)
    has[pairs] = True
    has = has.to(setting.device)
    keys = iter(range(1 << 30))

    def ours() -> Tensor:
        negatives: Tensor = sampler.sample(state, owners, own, 1, DrawKey(0, next(keys))).negatives
        return negatives[:, 0]

    reference = _reference(spec, state, owners, has)

    def agree() -> None:
        for drawn in (ours(), reference()):
            assert not has[owners, drawn].any(), "a positive was drawn"

    return Work(
        ours=ours,
        reference=reference,
        floor=lambda: torch.rand(batch, device=setting.device),
        agree=agree,
        amount=batch,
        unit="draws",
    )


def _reference(spec: str, state: SamplerState, owners: Tensor, has: Tensor) -> Callable[[], Tensor]:
    if spec == "uniform":
        return lambda: plain.uniform(owners, has)
    if spec.startswith("dns"):
        return lambda: plain.dns(owners, has, state.P, state.Q, _CANDIDATES)
    factors = plain.Factors.of(state.P, state.Q)
    scale = create("sampler", spec).scale(has.shape[1])
    return lambda: plain.rank_by_factor(owners, has, factors, scale)


FIGURES = tuple(
    Figure(
        f"sampler/{spec.partition(':')[0]}",
        partial(work, spec),
        reference=about,
        floor="as many random numbers",
    )
    for spec, about in SAMPLERS.items()
)
