"""Returns of a pooling besides a plain [B, D] tensor."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

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
