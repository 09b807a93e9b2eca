"""The triplet hinge on sampled negatives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch

from vsebench.plugin import LossOutput, SpecError

if TYPE_CHECKING:
    from torch import Tensor

    from vsebench.plugin import LossInputs


@dataclass(frozen=True)
class TripletGlobal:
    """`triplet-global`: `[m + s(image i, t) − s(i, i)]+ + [m + s(v, caption i) − s(i, i)]+` for a
    caption t and an image v that were drawn for pair i.

    The margin is `triplet`'s, so that the two differ in where negatives come from. A pair for which
    nothing was drawn loses nothing.

    Args:
        margin: m.
        reduction: reduction over the batch; `triplet` sums.
    """

    margin: float = 0.2
    reduction: Literal["sum", "mean"] = "sum"

    def __call__(self, inputs: LossInputs) -> LossOutput:
        """Raises SpecError without global negatives."""
        drawn = inputs.sampled
        if drawn is None:
            raise SpecError(
                "loss 'triplet-global' needs global negatives: its inputs have no 'sampled'"
            )
        own = _scores(inputs.image, inputs.text)
        caption = (
            (self.margin + _scores(inputs.image, drawn.text) - own)
            .relu()
            .masked_fill(~drawn.text_found, 0)
        )
        image = (
            (self.margin + _scores(drawn.image, inputs.text) - own)
            .relu()
            .masked_fill(~drawn.image_found, 0)
        )
        pairs = caption + image
        active = torch.cat([caption, image]).detach() > 0
        return LossOutput(
            pairs.sum() if self.reduction == "sum" else pairs.mean(),
            {"violation_rate": active.float().mean()},
        )


def _scores(image: Tensor, text: Tensor) -> Tensor:
    """Inner products [B] of rows, at least in float32."""
    wide = torch.promote_types(image.dtype, torch.float32)
    return (image.to(wide) * text.to(wide)).sum(dim=1)
