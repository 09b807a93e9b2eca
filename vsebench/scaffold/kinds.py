"""What the scaffold says of each kind of component."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vsebench.plugin.registry import Kind


@dataclass(frozen=True)
class Start:
    """What a new component of a kind starts as.

    Attributes:
        noun: as sentences call it.
        hook: registers it, `vsebench_register_…`.
        summary: of what it does, until its author changes that.
        card: Python that makes its card of `SUMMARY`, a literal.
        imports: names of `vsebench.plugin` that the card and the parameters need.
        run: options of `vsebench run` that use it; `NAME` is its spec.
        params: Python that makes its parameters, and what its README says of them.
        side: of an encoder.
    """

    noun: str
    hook: str
    summary: str
    card: str
    imports: tuple[str, ...]
    run: str
    params: tuple[tuple[str, str], ...] = ()
    side: str = ""


STARTS: Mapping[Kind, Start] = {
    "pooling": Start(
        "pooling",
        "poolings",
        "a fixed mixture of the maximum and the mean of the valid rows",
        "PoolingCard(SUMMARY, order_free=True, graphs=1)",
        ("PoolingCard",),
        "--pooling NAME",
        (
            (
                (
                    'Param("w", 0.5, "weight of the maximum; the mean gets the rest", minimum=0, '
                    "maximum=1)"
                ),
                "`w=0.5`, weight of the maximum; the mean gets the rest",
            ),
        ),
    ),
    "similarity": Start(
        "similarity",
        "similarities",
        "minus the squared Euclidean distance of two vectors",
        "Card(SUMMARY)",
        ("Card",),
        "--similarity NAME",
    ),
    "loss": Start(
        "loss",
        "losses",
        "the hinges of all negatives of a batch, both directions",
        'LossCard(SUMMARY, non_negative=True, reduction="sum")',
        ("LossCard",),
        "--loss NAME",
        (
            (
                'Param("margin", 0.2, "margin of the hinge", minimum=0)',
                "`margin=0.2`, margin of the hinge",
            ),
        ),
    ),
    "sampler": Start(
        "negative sampler",
        "samplers",
        "every label that the image does not have is equally likely",
        "Card(SUMMARY)",
        ("Card",),
        "--dataset tags:images=2000:labels=200:density=0.05 --set engine=minibatch --set "
        "embed_dim=16 --epochs 3 --sampler NAME",
    ),
    "batch-plan": Start(
        "batch plan",
        "batch_plans",
        "a fresh random order of the training captions each epoch",
        "Card(SUMMARY)",
        ("Card",),
        "--set batch_plan=NAME",
    ),
    "dataset": Start(
        "data set",
        "datasets",
        "made-up images of three things, with two captions each",
        """DatasetCard(
            SUMMARY,
            licence="LICENCE",
            prepare="Nothing to get: it is generated.",
            protocol="quick",
            generated=True,
            counts=COUNTS,
        )""",
        ("DatasetCard",),
        "--dataset NAME",
    ),
    "image-encoder": Start(
        "image encoder",
        "encoders",
        "a linear layer for each local feature",
        "Card(SUMMARY)",
        ("Card",),
        "--set image_encoder=NAME",
        side="image",
    ),
    "text-encoder": Start(
        "text encoder",
        "encoders",
        "word embeddings learned from scratch and a linear layer, each word for itself",
        "Card(SUMMARY)",
        ("Card",),
        "--set text_encoder=NAME",
        side="text",
    ),
}
