"""Losses as published: full matrices of hinges, the diagonal zeroed, and offline scores as the
diagonals of full products.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional

if TYPE_CHECKING:
    from torch import Tensor

    from vsebench.plugin import LossInputs


def hinges(scores: Tensor, margin: float = 0.2) -> tuple[Tensor, Tensor]:
    """Those of captions for images, and of images for captions, [B, B] each."""
    own = scores.diag().view(-1, 1)
    eye = torch.eye(len(scores), dtype=torch.bool, device=scores.device)
    captions = (margin + scores - own.expand_as(scores)).clamp(min=0).masked_fill(eye, 0)
    images = (margin + scores - own.t().expand_as(scores)).clamp(min=0).masked_fill(eye, 0)
    return captions, images


def sum_hinge(inputs: LossInputs) -> Tensor:
    """All hinges."""
    captions, images = hinges(inputs.image.mm(inputs.text.t()))
    return captions.sum() + images.sum()


def triplet(inputs: LossInputs) -> Tensor:
    """The largest hinge of each query."""
    captions, images = hinges(inputs.image.mm(inputs.text.t()))
    return captions.max(1)[0].sum() + images.max(0)[0].sum()


def aoq(inputs: LossInputs) -> Tensor:
    """Adaptive offline quintuplet loss."""
    negatives = inputs.offline
    assert negatives is not None
    scores = inputs.image.mm(inputs.text.t())
    own = scores.diag()
    captions_of_image = inputs.image.mm(negatives["text3"].t()).diag()
    images_of_caption = negatives["image3"].mm(inputs.text.t()).diag()
    cross3 = negatives["image3"].mm(negatives["text3"].t()).diag()
    cross4 = negatives["image4"].mm(negatives["text4"].t()).diag()
    captions, images = hinges(scores)
    masked = scores - 10 * torch.eye(len(scores), device=scores.device)
    text_weight = 1.5 - (captions_of_image - masked.max(1)[0]) / 0.3
    image_weight = 1.5 - (images_of_caption - masked.max(0)[0]) / 0.3
    online = (text_weight * captions.max(1)[0]).sum() + (image_weight * images.max(0)[0]).sum()
    offline = [
        (score - own).clamp(min=0).sum()
        for score in (captions_of_image, images_of_caption, cross3, cross4)
    ]
    return online + torch.stack(offline).sum()


def infonce(inputs: LossInputs, temperature: float = 0.05) -> Tensor:
    """Cross entropy of the scores in both directions; the pair itself is the only positive."""
    logits = inputs.image.mm(inputs.text.t()) / temperature
    target = torch.arange(len(logits), device=logits.device)
    both = functional.cross_entropy(logits, target) + functional.cross_entropy(logits.t(), target)
    return both / 2


def adaptive(inputs: LossInputs, tau: float = 0.05, margin: float = 0.2) -> Tensor:
    """ADCTO query by query: the n hardest negatives of each, n from alignment and uniformity."""
    scores = inputs.image.mm(inputs.text.t())
    size = len(scores)
    eye = torch.eye(size, dtype=torch.bool, device=scores.device)
    with torch.no_grad():
        spread = scores.diag().mean() + (-scores.masked_fill(eye, 0)).exp().mean()
        n = int(size * torch.cos(spread.clamp(min=0) ** 1.25)) + 1
        n = min(max(n, 1), size - 1)
    losses = []
    for rows in (scores, scores.t()):
        for i in range(size):
            others = torch.cat([rows[i, :i], rows[i, i + 1 :]])
            hard = (others.topk(n).values + margin) / tau
            own = rows[i, i] / tau
            losses.append(torch.cat([own[None], hard]).logsumexp(dim=0) - own)
    return torch.stack(losses).mean()
