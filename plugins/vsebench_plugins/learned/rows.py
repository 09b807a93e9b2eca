"""Operations on the valid rows of a padded batch that several poolings share.

Padding is replaced before anything is computed from it, so that whatever it holds, NaN included,
reaches neither a result nor a gradient.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from vsebench.kernels import valid_mask

if TYPE_CHECKING:
    from torch import Tensor


def zero_padding(features: Tensor, lengths: Tensor, dtype: torch.dtype | None = None) -> Tensor:
    """`features` [B, N, D] with zeros in the rows beyond `lengths` int64 [B], as `dtype`; by
    default float32 at least.
    """
    mask = valid_mask(lengths, features.shape[1])[:, :, None]
    return torch.where(mask, features, 0).to(
        dtype or torch.promote_types(features.dtype, torch.float32)
    )
