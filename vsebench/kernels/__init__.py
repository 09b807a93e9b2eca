"""Hot loops, usable by plugins: pooling over variable-length sets and matrix products."""

from __future__ import annotations

from vsebench.kernels.masks import valid_mask
from vsebench.kernels.reductions import masked_max, masked_mean
from vsebench.kernels.softmax_sum import softmax_weighted_sum
from vsebench.kernels.sorted_pooling import sorted_weighted_sum
from vsebench.kernels.sorted_values import sorted_values
from vsebench.kernels.valid_rows import padded_rows, valid_rows

__all__ = (
    "masked_max",
    "masked_mean",
    "padded_rows",
    "softmax_weighted_sum",
    "sorted_values",
    "sorted_weighted_sum",
    "valid_mask",
    "valid_rows",
)
