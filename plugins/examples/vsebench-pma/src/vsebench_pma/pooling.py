"""A layer made for padded batches, called as a pooling is."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from vsebench.plugin import SpecError


class PMA(nn.Module):
    """`pma`: a learned query attends over an item's rows."""

    def __init__(self, dim: int, heads: int = 4) -> None:
        if dim % heads:
            raise SpecError(
                f"pooling 'pma': {heads} heads do not divide the embedding size {dim}: choose "
                "another number with pma:heads=N"
            )
        super().__init__()
        self.query = nn.Parameter(torch.randn(1, 1, dim) / dim**0.5)
        self.attention = nn.MultiheadAttention(dim, heads, batch_first=True)

    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        """[B, D] from `features` [B, N, D], of which the first `lengths` [B] rows are valid."""
        if not len(features):
            return features.sum(1)  # the layer cannot reshape what is empty
        # The layer's mask is true where it must not look
        padding = torch.arange(features.shape[1], device=features.device) >= lengths[:, None]
        # It gives padding the weight zero, and zero times NaN is NaN
        features = features.masked_fill(padding[..., None], 0)
        query = self.query.expand(len(features), 1, -1)
        pooled, _ = self.attention(
            query, features, features, key_padding_mask=padding, need_weights=False
        )
        return pooled.squeeze(1)
