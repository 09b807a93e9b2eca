"""A loss that keeps every promise, and losses that break one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from vsebench.plugin import LossInputs, LossOutput

if TYPE_CHECKING:
    from collections.abc import Callable


def hinges(inputs: LossInputs, positives: Tensor | None = None) -> Tensor:
    """[B, B], of the captions of each image."""
    scores = inputs.similarity.to(torch.promote_types(inputs.similarity.dtype, torch.float32))
    own = scores.diagonal()[:, None]
    return (
        (0.2 + scores - own)
        .relu()
        .masked_fill(inputs.positives if positives is None else positives, 0)
    )


class Sound:
    def __call__(self, inputs: LossInputs) -> Tensor:
        return hinges(inputs).sum()


class SoundModule(nn.Module):
    """A learned margin, and a count of the batches seen that matters and is saved."""

    def __init__(self, *, dim: int, batch_size: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))
        self.register_buffer("size", torch.tensor(float(dim * batch_size)))

    def forward(self, inputs: LossInputs) -> LossOutput:
        return LossOutput(hinges(inputs).sum() * self.scale.exp(), {"scale": self.scale.detach()})


class ReadsEmbeddings:
    def __call__(self, inputs: LossInputs) -> Tensor:
        return hinges(LossInputs(inputs.image, inputs.text, inputs.positives)).sum()


class ReadsEmbeddingsOnlyAndIgnoresPositives:
    def __call__(self, inputs: LossInputs) -> Tensor:
        return hinges(LossInputs(inputs.image, inputs.text, eye(inputs))).sum()


def eye(inputs: LossInputs) -> Tensor:
    return torch.eye(len(inputs.image), dtype=torch.bool, device=inputs.image.device)


class NotAScalar:
    def __call__(self, inputs: LossInputs) -> Tensor:
        return hinges(inputs).sum(dim=1)


class LiveDiagnostics:
    def __call__(self, inputs: LossInputs) -> LossOutput:
        loss = hinges(inputs).sum()
        return LossOutput(loss, {"loss": loss})


class Negative:
    def __call__(self, inputs: LossInputs) -> Tensor:
        return hinges(inputs).sum() - 1e-3


class IgnoresPositives:
    def __call__(self, inputs: LossInputs) -> Tensor:
        return hinges(inputs, eye(inputs)).sum()


class PushesPairsApart:
    def __call__(self, inputs: LossInputs) -> Tensor:
        return hinges(inputs).sum() + 10 * (1 + inputs.similarity.diagonal()).sum()


class RootOfADistance:
    def __call__(self, inputs: LossInputs) -> Tensor:
        return (
            hinges(inputs).sum()
            + (inputs.image - inputs.text).double().square().sum(dim=1).sqrt().sum()
        )


class DividesByNegatives:
    def __call__(self, inputs: LossInputs) -> Tensor:
        return hinges(inputs).sum() / (~inputs.positives).sum()


class WeighsByPlace:
    def __call__(self, inputs: LossInputs) -> Tensor:
        places = torch.arange(len(inputs.image), device=inputs.image.device) % 2 + 1
        return (hinges(inputs).sum(dim=1) * places).sum()


class Mean:
    def __call__(self, inputs: LossInputs) -> Tensor:
        return hinges(inputs).sum() / len(inputs.image)


class WrongGradient:
    def __call__(self, inputs: LossInputs) -> Tensor:
        loss = hinges(inputs).sum()
        return 2 * loss - loss.detach()


class OverflowsInHalf:
    def __call__(self, inputs: LossInputs) -> Tensor:
        return (
            hinges(inputs).sum()
            + (20 * inputs.similarity)
            .exp()
            .masked_fill(inputs.positives, 0)
            .sum(dim=1)
            .log1p()
            .sum()
        )


class DiffersUnderAutocast:
    def __call__(self, inputs: LossInputs) -> Tensor:
        return hinges(inputs).sum() * (2 if torch.is_autocast_enabled("cpu") else 1)


class ReadsAValueBack:
    def __call__(self, inputs: LossInputs) -> Tensor:
        found = hinges(inputs)
        return found.sum() * (1 if found.max().item() < 100 else 0)


class Remembers:
    def __init__(self) -> None:
        self.last: Tensor | None = None

    def __call__(self, inputs: LossInputs) -> Tensor:
        before, self.last = self.last, inputs.image.detach()
        return hinges(inputs).sum() + (0 if before is None else before.square().sum())


class CPUOnly:
    def __call__(self, inputs: LossInputs) -> Tensor:
        return hinges(
            inputs, torch.eye(len(inputs.image), dtype=torch.bool) | inputs.positives
        ).sum()


# Of the annotation task.


class Ranking:
    def __call__(self, inputs: object) -> Tensor:
        return (1 - inputs.difference).clamp(min=0).sum()  # type: ignore[attr-defined]


class RankingMean(Ranking):
    def __call__(self, inputs: object) -> Tensor:
        return super().__call__(inputs) / max(inputs.neg.numel(), 1)  # type: ignore[attr-defined]


class RankingNaN(Ranking):
    def __call__(self, inputs: object) -> Tensor:
        difference = inputs.difference  # type: ignore[attr-defined]
        return ((1 - difference) * (difference < 1)).sum()


class RankingBackwards(Ranking):
    def __call__(self, inputs: object) -> Tensor:
        difference = inputs.difference  # type: ignore[attr-defined]
        return (1 + difference).clamp(min=0).where(difference < torch.inf, 0).sum()


class RankingBelowZero(Ranking):
    def __call__(self, inputs: object) -> Tensor:
        difference = inputs.difference  # type: ignore[attr-defined]
        return (-difference).where(difference < torch.inf, 0).sum()


class RankingKernel(Ranking):
    def kernel(self) -> Callable[[float, float], tuple[float, float]]:
        return lambda difference, weight: (
            max(1 - difference, 0.0),
            weight if difference < 1 else 0.0,
        )


class Squares:
    """A sound loss of the pattern task."""

    def __call__(self, found: Tensor, target: Tensor) -> Tensor:
        return (found - target).square().mean()


class SquaresByRow(Squares):
    def __call__(self, found: Tensor, target: Tensor) -> Tensor:
        return (found - target).square().mean(dim=1)


class SquaresToZero(Squares):
    def __call__(self, found: Tensor, target: Tensor) -> Tensor:
        return found.square().mean()


class SquaresBelowZero(Squares):
    def __call__(self, found: Tensor, target: Tensor) -> Tensor:
        return super().__call__(found, target) - 100


class SquaresDetached(Squares):
    def __call__(self, found: Tensor, target: Tensor) -> Tensor:
        error = found - target
        return (error * error.detach()).mean()


class SquaresReadBack(Squares):
    def __call__(self, found: Tensor, target: Tensor) -> Tensor:
        loss = super().__call__(found, target)
        return loss if loss.item() < torch.inf else 0 * loss


class Narrows:
    """Computes in float32 whatever the dtype of its inputs."""

    def __call__(self, inputs: LossInputs) -> Tensor:
        image, text = inputs.image.float(), inputs.text
        return hinges(inputs).sum() + 0 * (image @ text.T).sum()
