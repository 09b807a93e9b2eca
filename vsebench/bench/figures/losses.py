"""Losses, forward and backward, from embeddings to their gradients. The floor is the product that
makes the scores, with its own gradients.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch.nn.functional import normalize
from torch.testing import assert_close

from vsebench.bench.figure import Figure, Work
from vsebench.bench.figures.made import normal
from vsebench.bench.references import losses as plain
from vsebench.plugin import LossInputs, LossOutput
from vsebench.plugin.specs import create

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from vsebench.bench.figure import Setting

    Loss = Callable[[LossInputs], Tensor | LossOutput]

ROLES = ("text3", "image3", "text4", "image4")
"""Of the offline negatives of `aoq`."""


class Opponent(NamedTuple):
    """A plain version of a loss, and what it is."""

    loss: Loss
    about: str


LOSSES = {
    "sum-hinge": Opponent(plain.sum_hinge, "as published: full matrices"),
    "triplet": Opponent(plain.triplet, "as published: full matrices"),
    "aoq": Opponent(plain.aoq, "as published: diagonals of products"),
    "infonce": Opponent(plain.infonce, "two cross entropies"),
    "adaptive": Opponent(plain.adaptive, "query by query"),
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
