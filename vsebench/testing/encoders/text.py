"""The promises of text encoders."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import torch

from vsebench.testing.check import promise
from vsebench.testing.encoders import shared
from vsebench.testing.encoders.shared import Batch
from vsebench.testing.subject import DIM

if TYPE_CHECKING:
    from torch import Tensor

    from vsebench.testing.subject import Subject

WORDS = 30
_LENGTHS = (9, 4, 6, 1, 2, 1)


def captions() -> tuple[Tensor, Tensor]:
    """Token ids int64 [B, N], padded with 0, and lengths int64 [B]."""
    lengths = torch.tensor(_LENGTHS)
    tokens = torch.randint(
        1, WORDS, (len(_LENGTHS), max(_LENGTHS)), generator=torch.Generator().manual_seed(0)
    )
    return tokens.masked_fill(torch.arange(max(_LENGTHS)) >= lengths[:, None], 0), lengths


def _batch() -> Batch:
    source = "from vsebench.testing.encoders.text import captions; inputs = captions()"
    return Batch(
        *captions(),
        f"captions of {WORDS} words",
        {"vocabulary_size": WORDS, "word_dim": 8, "dim": DIM},
        source,
    )


@promise
def gives_local_features(subject: Subject) -> None:
    """It gives finite features [B, N, D]."""
    shared.gives_local_features(subject, _batch())


@promise
def never_reads_padding(subject: Subject) -> None:
    """In evaluation mode, a caption's features do not depend on how much padding its batch has."""
    batch = _batch()
    padding = torch.zeros(len(_LENGTHS), 4, dtype=torch.int64)
    shared.never_reads_padding(
        subject, batch, dataclasses.replace(batch, values=torch.cat([batch.values, padding], dim=1))
    )


@promise
def items_do_not_depend_on_each_other(subject: Subject) -> None:
    """In evaluation mode, a caption has the same features alone and in a batch."""
    shared.items_are_independent(subject, _batch())


@promise
def its_state_is_in_its_state_dict(subject: Subject) -> None:
    """Another instance that loads its state dict gives the same features."""
    shared.state_is_in_state_dict(subject, _batch())


@promise
def its_frozen_features_can_be_kept(subject: Subject) -> None:
    """Where its card says that it is frozen: its head makes of its features what it gives, also of
    each caption's features that were made alone.
    """
    shared.features_can_be_kept(subject, _batch())


PROMISES = (
    gives_local_features,
    never_reads_padding,
    items_do_not_depend_on_each_other,
    its_state_is_in_its_state_dict,
    its_frozen_features_can_be_kept,
)
