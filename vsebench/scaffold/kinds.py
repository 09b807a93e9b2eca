"""What a new component of each kind starts as, beside its template `components/KIND.py.jinja`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Start:
    """What a new component of a kind starts as.

    Attributes:
        summary: summary of what it does, until its author changes that.
        card: Python that makes its card of `SUMMARY`, a literal.
        imports: names of `vsebench.plugin` that the card and the parameters need.
        params: Python that makes its parameters, and what its README says of them.
        run: options of `vsebench run` that its kind's own needs beside it.
    """

    summary: str
    card: str
    imports: tuple[str, ...]
    params: tuple[tuple[str, str], ...] = ()
    run: str = ""


STARTS: Mapping[str, Start | None] = {
    "pooling": Start(
        "a fixed mixture of the maximum and the mean of the valid rows",
        "PoolingCard(SUMMARY, order_free=True, graphs=1)",
        ("PoolingCard",),
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
        "minus the squared Euclidean distance of two vectors",
        "Card(SUMMARY)",
        ("Card",),
    ),
    "loss": Start(
        "the hinges of all negatives of a batch, both directions",
        'LossCard(SUMMARY, non_negative=True, reduction="sum")',
        ("LossCard",),
        (
            (
                'Param("margin", 0.2, "margin of the hinge", minimum=0)',
                "`margin=0.2`, margin of the hinge",
            ),
        ),
    ),
    "sampler": Start(
        "every label that the image does not have is equally likely",
        "Card(SUMMARY)",
        ("Card",),
        run="--dataset tags:images=2000:labels=200:density=0.05 --set engine=minibatch --set "
        "embed_dim=16 --epochs 3",
    ),
    "batch-plan": Start(
        "a fresh random order of the training captions each epoch",
        "Card(SUMMARY)",
        ("Card",),
    ),
    "stopping-rule": None,
    "dataset": Start(
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
    ),
    "image-encoder": Start(
        "a linear layer for each local feature",
        "Card(SUMMARY)",
        ("Card",),
    ),
    "text-encoder": Start(
        "word embeddings learned from scratch and a linear layer, each word for itself",
        "Card(SUMMARY)",
        ("Card",),
    ),
    "executor": Start(
        "executes one run after the other, each in a process of its own",
        "Card(SUMMARY)",
        ("Card",),
    ),
}
"""By kind; None where `vsebench new` makes none."""
