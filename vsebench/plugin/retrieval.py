"""What the components of a retrieval run give and take: returns of a pooling besides a plain [B, D]
tensor, inputs and output of a loss.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias, cast

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor


Embedding: TypeAlias = "Tensor | SetEmbedding | GaussianEmbedding"


@dataclass(frozen=True)
class SetEmbedding:
    """K vectors per item: `vectors` [B, K, D] and `mask` bool [B, K], true where a vector is
    valid.
    """

    vectors: Tensor
    mask: Tensor


@dataclass(frozen=True)
class GaussianEmbedding:
    """A diagonal Gaussian per item: `mean` and `log_variance`, both [B, D]."""

    mean: Tensor
    log_variance: Tensor


@dataclass(frozen=True)
class PoolingOutput:
    """An embedding with auxiliary losses and diagnostics.

    Attributes:
        embedding: a tensor [B, D], a `SetEmbedding` or a `GaussianEmbedding`.
        losses: named scalars, added to the training loss; means over the items of the batch.
        diagnostics: named tensors for the curve or for plots, such as pooling weights; detached by
            the author.
    """

    embedding: Tensor | SetEmbedding | GaussianEmbedding
    losses: Mapping[str, Tensor] = field(default_factory=dict)
    diagnostics: Mapping[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True)
class Progress:
    """Where training stands: `epoch` counts from 0, `step` of `total` optimiser steps."""

    epoch: int
    step: int
    total: int


@dataclass(frozen=True)
class SampledInputs:
    """One global negative per anchor, drawn by the run's sampler over the whole training set; none
    belongs to the image of its anchor.

    Attributes:
        text: normalised embeddings [B, D], a caption drawn for image i.
        image: normalised embeddings [B, D], an image drawn for caption i.
        text_found: bool [B]; where false the sampler found no caption, and the row of `text` is
            caption i itself.
        image_found: bool [B], likewise.
    """

    text: Tensor
    image: Tensor
    text_found: Tensor
    image_found: Tensor


@dataclass(frozen=True)
class LossInputs:
    """One batch of B image–caption pairs; pair i is (image i, text i).

    Attributes:
        image: L2-normalised image embeddings [B, D] (not checked).
        text: L2-normalised text embeddings [B, D] (not checked).
        positives: bool [B, B]; `positives[i, j]` says that caption j must not be a negative of
            image i. Its diagonal is true. Whether other captions of the same image are marked is
            the protocol's business (`sibling_mask`).
        similarity: scores [B, B] of image i and caption j; inner products of `image` and `text`
            when not given.
        image_ids: int64 [B], the image of each pair.
        text_ids: int64 [B], the caption of each pair.
        offline: offline negatives, for losses whose card asks for them: normalised embeddings
            [B, D] by role; row i was drawn for pair i.
        sampled: global negatives, likewise for losses whose card asks for them.
        progress: where training stands.
        extras: further inputs that the loss's card asks for, by name.
    """

    image: Tensor
    text: Tensor
    positives: Tensor
    similarity: Tensor = None  # type: ignore[assignment]  # filled below, so that a loss always finds a tensor
    image_ids: Tensor | None = None
    text_ids: Tensor | None = None
    offline: Mapping[str, Tensor] | None = None
    sampled: SampledInputs | None = None
    progress: Progress | None = None
    extras: Mapping[str, Tensor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if cast("Tensor | None", self.similarity) is None:
            object.__setattr__(self, "similarity", self.image @ self.text.T)


@dataclass(frozen=True)
class LossOutput:
    """A scalar loss with named scalars for the training curve; a loss may return this instead of
    the bare scalar.
    """

    loss: Tensor
    diagnostics: Mapping[str, Tensor] = field(default_factory=dict)
