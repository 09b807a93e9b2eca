"""The promises of image encoders that take features."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import torch

from vsebench.plugin import ImageEncoderCard
from vsebench.testing.check import NotCheckedError, promise
from vsebench.testing.encoders import shared
from vsebench.testing.encoders.shared import Batch
from vsebench.testing.poolings.ragged import Ragged
from vsebench.testing.subject import DIM

if TYPE_CHECKING:
    from vsebench.testing.subject import Subject

IN_DIM = 12


def _batch(subject: Subject) -> Batch:
    card = subject.component.card
    if isinstance(card, ImageEncoderCard) and card.raw_images:
        raise NotCheckedError("it takes raw images, of which the kit has none")
    source = f"from vsebench.testing import Ragged; inputs = Ragged(dim={IN_DIM}).tensors()"
    return Batch(
        *Ragged(dim=IN_DIM).tensors(),
        f"features of size {IN_DIM}",
        {"in_dim": IN_DIM, "dim": DIM},
        source,
    )


@promise
def gives_local_features(subject: Subject) -> None:
    """It gives finite features [B, N, D], as many for each item as their lengths say."""
    shared.gives_local_features(subject, _batch(subject))


@promise
def never_reads_padding(subject: Subject) -> None:
    """In evaluation mode, an item's features do not depend on what finite values its padding
    holds.
    """
    batch = _batch(subject)
    shared.never_reads_padding(
        subject,
        batch,
        dataclasses.replace(batch, values=Ragged(dim=IN_DIM, padding=3.0).tensors()[0]),
    )


@promise
def items_do_not_depend_on_each_other(subject: Subject) -> None:
    """In evaluation mode, an item has the same features alone and in a batch."""
    shared.items_are_independent(subject, _batch(subject))


@promise
def its_state_is_in_its_state_dict(subject: Subject) -> None:
    """Another instance that loads its state dict gives the same features."""
    shared.state_is_in_state_dict(subject, _batch(subject))


@promise
def reads_half_precision_as_it_claims(subject: Subject) -> None:
    """Where it says `reads_half`, under autocast features in float16 give what they give in
    float32, to the bit.
    """
    batch = _batch(subject)
    with torch.no_grad(), shared.trial(subject, batch) as case:
        encoder = shared.create(subject, batch)
        if not getattr(encoder, "reads_half", False):
            return
        half = batch.values.half()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            found, wanted = (
                shared.encode(encoder, values, batch.lengths) for values in (half, half.float())
            )
        for item in range(len(batch.lengths)):
            case.close(
                shared.valid(found, item),
                shared.valid(wanted, item),
                "features in float16 give something else: its first operation is no product",
                expected=f"item {item} as from float32",
            )


PROMISES = (
    gives_local_features,
    never_reads_padding,
    items_do_not_depend_on_each_other,
    its_state_is_in_its_state_dict,
    reads_half_precision_as_it_claims,
)
