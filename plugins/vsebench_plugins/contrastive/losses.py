"""InfoNCE, with any number of positives and a fixed or a learned temperature; SigLIP, the pairwise
sigmoid loss; and the hinge loss that mines hard negatives only where their gradient does not vanish
(T-SelHN).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn.functional import softplus

from vsebench.kernels.compiled import compiled_kernels_take
from vsebench.plugin import LossOutput

if TYPE_CHECKING:
    from torch import Tensor

    from vsebench.plugin import LossInputs


def infonce_loss(
    similarity: Tensor, positives: Tensor, scale: Tensor | float, margin: float = 0.0
) -> Tensor:
    """Symmetric InfoNCE of each pair, [B]: the mean over the queries image i and caption i.

    A query's loss is the mean over its positives p of `−log(e^{s_p/τ} / (e^{s_p/τ} + Σ_n e^{(s_n +
    margin)/τ}))`, n over its negatives: positives do not compete with each other. Computed in
    float32 at least; differentiable once on the CPU.

    Args:
        similarity: scores [B, B], image i in row i, caption j in column j.
        positives: bool [B, B] with a true diagonal; what is false is a negative.
        scale: 1/τ.
        margin: added to the scores of negatives.
    """
    if compiled_kernels_take(similarity):
        from vsebench_plugins.contrastive.losses_numba import NumbaInfoNCE

        losses: Tensor = NumbaInfoNCE.apply(similarity, positives, scale, margin)  # type: ignore[no-untyped-call]
        return losses
    scores = similarity.to(torch.promote_types(similarity.dtype, torch.float32))
    return (
        _queries(scores, positives, scale, margin) + _queries(scores.T, positives.T, scale, margin)
    ) / 2


def _queries(scores: Tensor, positives: Tensor, scale: Tensor | float, margin: float) -> Tensor:
    """The loss [B] of the queries in rows."""
    negatives = (
        ((scores + margin) * scale).masked_fill(positives, -math.inf).logsumexp(dim=1, keepdim=True)
    )
    # −log of the positive's share; e^50 is still exact enough in float32
    losses = softplus(negatives - scores * scale, threshold=50)
    return losses.masked_fill(~positives, 0).sum(dim=1) / positives.sum(dim=1)


class InfoNCE(nn.Module):
    """`infonce`. With `learned`, log(1/τ) is a parameter, held at or below log(`max_scale`) as in
    CLIP.
    """

    def __init__(
        self,
        temperature: float = 0.05,
        learned: bool = False,
        max_scale: float = 100.0,
        margin: float = 0.0,
    ) -> None:
        super().__init__()
        self.temperature = temperature
        self.margin = margin
        self.max_scale = max_scale
        self.log_scale = nn.Parameter(torch.tensor(-math.log(temperature))) if learned else None

    def scale(self) -> Tensor | float:
        """1/τ."""
        if self.log_scale is None:
            return 1 / self.temperature
        with torch.no_grad():  # the parameter itself, so that gradients continue at the bound
            self.log_scale.clamp_(max=math.log(self.max_scale))
        return self.log_scale.exp()

    def extra_repr(self) -> str:
        return (
            f"temperature={self.temperature}, learned={self.log_scale is not None}, "
            f"margin={self.margin}"
        )

    def forward(self, inputs: LossInputs) -> LossOutput:
        scale = self.scale()
        loss = infonce_loss(inputs.similarity, inputs.positives, scale, self.margin).mean()
        return LossOutput(
            loss, {"scale": scale.detach()} if isinstance(scale, torch.Tensor) else {}
        )


def siglip_loss(similarity: Tensor, positives: Tensor, scale: Tensor, bias: Tensor) -> Tensor:
    """`Σ_j −log σ(z_ij (scale · s_ij + bias))` of each image i, [B]; z is 1 where `positives` [B,
    B] is true and −1 elsewhere.

    The published loss is the mean of these sums. `similarity` [B, B] has image i in row i; computed
    in float32 at least.
    """
    logits = similarity.to(torch.promote_types(similarity.dtype, torch.float32)) * scale + bias
    return softplus(torch.where(positives, -logits, logits), threshold=50).sum(dim=1)


class SigLIP(nn.Module):
    """`siglip`. `scale` and `bias` are where the learned t = e^t' and b start."""

    def __init__(self, scale: float = 10.0, bias: float = -10.0) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.tensor(math.log(scale)))
        self.bias = nn.Parameter(torch.tensor(bias))

    def forward(self, inputs: LossInputs) -> LossOutput:
        scale = self.log_scale.exp()
        loss = siglip_loss(inputs.similarity, inputs.positives, scale, self.bias).mean()
        return LossOutput(loss, {"scale": scale.detach(), "bias": self.bias.detach().clone()})


def selhn_queries(
    scores: Tensor, positives: Tensor, margin: float, epsilon: float
) -> tuple[Tensor, Tensor]:
    """Losses [B] of the queries in rows, and which of them, bool [B], average over all their
    negatives.

    With p the query's own score and h its hardest negative's: the mean of `[margin + n − p]+` over
    the negatives n where |p − h| < epsilon, else `[margin + h − p]+`. A query without negatives has
    no loss.
    """
    own = scores.diagonal()
    hardest = scores.masked_fill(positives, -math.inf).max(dim=1).values
    hinges = (margin + scores - own[:, None]).relu().masked_fill(positives, 0)
    mean = hinges.sum(dim=1) / (~positives).sum(dim=1).clamp(min=1)
    close = (own - hardest).abs() < epsilon
    return torch.where(close, mean, (margin + hardest - own).relu()), close


@dataclass(frozen=True)
class SelHN:
    """`selhn`: the mean over both directions and the batch, as released."""

    margin: float = 0.2
    epsilon: float = 0.01

    def __call__(self, inputs: LossInputs) -> LossOutput:
        scores = inputs.similarity.to(torch.promote_types(inputs.similarity.dtype, torch.float32))
        images, close_images = selhn_queries(scores, inputs.positives, self.margin, self.epsilon)
        captions, close_captions = selhn_queries(
            scores.T, inputs.positives.T, self.margin, self.epsilon
        )
        averaged = torch.cat([close_images, close_captions]).double().mean()
        return LossOutput((images + captions).mean() / 2, {"averaged": averaged})
