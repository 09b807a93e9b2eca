"""Samplers that break a promise each; `Sound` and its kernel keep every one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from vsebench.kernels.negatives import NegativeIndex, below
from vsebench.plugin import DrawKey, Draws
from vsebench.plugin.keys import fork
from vsebench_plugins.ens.sampler import AoBPR
from vsebench_plugins.sampling.independent import Popularity, Uniform

if TYPE_CHECKING:
    from torch import Tensor

    from vsebench.plugin import DrawKernel, SamplerState


class Sound:
    """Uniform over the labels that an image does not have, without a kernel."""

    may_draw_positives = False

    def refresh_every(self, n_labels: int) -> int | None:
        return None

    def refresh(self, state: SamplerState) -> None:
        self.index = NegativeIndex(state.positives, state.Q.device)

    def streams(self, key: DrawKey, pairs: int, k: int) -> Tensor:
        numbers = torch.arange(pairs * k).view(pairs, k)
        return fork(torch.full_like(numbers, key.stream), numbers)

    def images(self, state: SamplerState, anchors: Tensor) -> Tensor:
        return state.images_of(anchors)[:, None]

    def sample(
        self, state: SamplerState, anchors: Tensor, positives: Tensor, k: int, key: DrawKey
    ) -> Draws:
        images = self.images(state, anchors)
        free = self.index.free(images).expand(-1, k)
        streams = self.streams(key, len(anchors), k).to(anchors.device)
        labels = self.index.nth(images, below(streams, free)).masked_fill(free == 0, -1)
        return Draws(labels, (free > 0).long(), torch.ones(labels.shape, device=labels.device))

    def law(self, state: SamplerState, anchor: int, positive: int) -> np.ndarray:
        law = np.ones(state.positives.n_labels)
        law[state.positives.row(int(state.images_of(torch.tensor([anchor]))[0]))] = 0
        return law / law.sum()


class CountsOnTheCPU(Sound):
    def sample(
        self, state: SamplerState, anchors: Tensor, positives: Tensor, k: int, key: DrawKey
    ) -> Draws:
        drawn = super().sample(state, anchors, positives, k, key)
        return Draws(
            drawn.negatives.masked_fill(torch.arange(len(anchors))[:, None] < 0, -1),
            drawn.trials,
            drawn.weight,
        )


class WeighsOnTheCPU(Sound):
    def sample(self, *arguments: object) -> Draws:
        drawn = super().sample(*arguments)  # type: ignore[arg-type]
        return Draws(drawn.negatives, drawn.trials, torch.ones(drawn.negatives.shape))


class LooksAtArrays(Sound):
    def refresh(self, state: SamplerState) -> None:
        super().refresh(state)
        self.largest = float(np.asarray(state.Q).max())


class DoublePrecisionWeights(Sound):
    def sample(self, *arguments: object) -> Draws:
        drawn = super().sample(*arguments)  # type: ignore[arg-type]
        return Draws(drawn.negatives, drawn.trials, drawn.weight.double())


class Biased(Sound):
    """Prefers the smaller of two draws, one time in five."""

    def sample(
        self, state: SamplerState, anchors: Tensor, positives: Tensor, k: int, key: DrawKey
    ) -> Draws:
        one = super().sample(state, anchors, positives, k, key)
        other = super().sample(state, anchors, positives, k, DrawKey(key.seed + 1000, key.step))
        chosen = self.streams(key, len(anchors), k).to(anchors.device) % 5 == 0
        return Draws(
            torch.where(chosen, torch.minimum(one.negatives, other.negatives), one.negatives),
            one.trials,
            one.weight,
        )


class NoLaw(Sound):
    """Draws any label, and does not say with which chance."""

    law = property()  # type: ignore[assignment]

    def sample(
        self, state: SamplerState, anchors: Tensor, positives: Tensor, k: int, key: DrawKey
    ) -> Draws:
        labels = below(
            self.streams(key, len(anchors), k).to(anchors.device), state.positives.n_labels
        )
        return Draws(labels, torch.ones_like(labels), torch.ones_like(labels, dtype=torch.float32))


class NoLawAndSaysSo(NoLaw):
    may_draw_positives = True


class OtherKernel(Uniform):
    def sample(
        self, state: SamplerState, anchors: Tensor, positives: Tensor, k: int, key: DrawKey
    ) -> Draws:
        return self.vectorised(state, anchors, positives, k, key)

    def kernel(self) -> DrawKernel:
        return self.popular.kernel()

    def refresh(self, state: SamplerState) -> None:
        super().refresh(state)
        self.popular = Popularity(3.0)
        self.popular.refresh(state)


class CountsTrialsOfNothing(Sound):
    def sample(self, *arguments: object) -> Draws:
        drawn = super().sample(*arguments)  # type: ignore[arg-type]
        return Draws(drawn.negatives, drawn.trials.clamp(min=1), drawn.weight)


class GlobalNumbers(Sound):
    def streams(self, key: DrawKey, pairs: int, k: int) -> Tensor:
        return torch.randint(-(2**63), 2**63 - 1, (pairs, k))


class IgnoresTheStep(Sound):
    def streams(self, key: DrawKey, pairs: int, k: int) -> Tensor:
        return super().streams(DrawKey(key.seed, 0), pairs, k)


class NumbersColumnsFirst(Sound):
    def streams(self, key: DrawKey, pairs: int, k: int) -> Tensor:
        return super().streams(key, k, pairs).T.contiguous()


class TakesRowsForImages(Sound):
    def images(self, state: SamplerState, anchors: Tensor) -> Tensor:
        return anchors[:, None]


class NeverRefreshesInTime(Sound):
    def refresh_every(self, n_labels: int) -> int | None:
        return 0


class StaleTables(AoBPR):
    def __init__(self) -> None:
        super().__init__(2.0)

    def refresh(self, state: SamplerState) -> None:
        if not len(self._ranks):
            super().refresh(state)


class LosesItsTables(AoBPR):
    state_dict = property()  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__(2.0)


class ReadsVectorsInSecret(AoBPR):
    reads_vectors = False

    def __init__(self) -> None:
        super().__init__(2.0)
