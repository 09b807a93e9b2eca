"""Losses, forward and backward, from embeddings to their gradients, against those as published:
full matrices of hinges, the diagonal zeroed, and offline scores as the diagonals of full products.
The floor is the product that makes the scores, with its own gradients.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch.nn.functional import cross_entropy, normalize
from torch.testing import assert_close

from vsebench.bench.figure import Figure, Work
from vsebench.bench.figures.made import normal
from vsebench.plugin import LossInputs, LossOutput
from vsebench.plugin.specs import create

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from vsebench.bench.figure import Setting

    Loss = Callable[[LossInputs], Tensor | LossOutput]

ROLES = ("text3", "image3", "text4", "image4")
"""Of the offline negatives of `aoq`."""


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
    both = cross_entropy(logits, target) + cross_entropy(logits.t(), target)
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


class Opponent(NamedTuple):
    """A plain version of a loss, and what it is."""

    loss: Loss
    about: str


LOSSES = {
    "sum-hinge": Opponent(sum_hinge, "as published: full matrices"),
    "triplet": Opponent(triplet, "as published: full matrices"),
    "aoq": Opponent(aoq, "as published: diagonals of products"),
    "infonce": Opponent(infonce, "two cross entropies"),
    "adaptive": Opponent(adaptive, "query by query"),
}


def work(name: str, setting: Setting) -> Work:
    """A batch of 128 pairs of 1,024 dimensions at full size."""
    size, dim = setting.pick(tiny=(6, 16), quick=(128, 256), full=(128, 1024))
    ours: Loss = create("loss", name)
    theirs = LOSSES[name].loss
    vectors = [normalize(normal(size, dim, seed=seed), dim=1) for seed in range(2 + len(ROLES))]
    image, text, *others = (each.to(setting.device) for each in vectors)
    leaves = image.requires_grad_(), text.requires_grad_()
    offline = dict(zip(ROLES, others, strict=True))
    positives = torch.eye(size, dtype=torch.bool, device=setting.device)

    def inputs() -> LossInputs:
        return LossInputs(*leaves, positives, offline=offline)

    def training(loss: Loss) -> Callable[[], None]:
        def run() -> None:
            for leaf in leaves:
                leaf.grad = None
            _value(loss(inputs())).backward()  # type: ignore[no-untyped-call]

        return run

    return Work(
        ours=training(ours),
        reference=training(theirs),
        floor=training(lambda batch: batch.similarity.sum()),
        agree=lambda: assert_close(
            _value(ours(inputs())), _value(theirs(inputs())), rtol=1e-3, atol=1e-4
        ),
        amount=size,
        unit="pairs",
    )


def _value(output: Tensor | LossOutput) -> Tensor:
    return output.loss if isinstance(output, LossOutput) else output


FIGURES = tuple(
    Figure(
        f"loss/{name}",
        partial(work, name),
        reference=opponent.about,
        floor="the scores and their gradients",
    )
    for name, opponent in LOSSES.items()
)
