"""InfoNCE over a batch's scores, with any number of positives and a fixed or a learned
temperature.
"""

from __future__ import annotations

import math
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
        from vsebench_plugins.contrastive.infonce_numba import NumbaInfoNCE

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
        with torch.no_grad():  # the parameter itself, so that gradients go on at the bound
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
