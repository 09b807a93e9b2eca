"""Hot loops, usable by plugins: pooling over variable-length sets and matrix products.

Modules named `*_numba` and `*_triton` hold the compiled forms of the module of the same name, for
the CPU and for CUDA, and are imported only for large work (`compiled` decides when, `jit` and
`triton_jit` compile). Pooling: `reductions`, `sorted_pooling`. Words: `bigru`. Ranking: `rows`,
`exact_dot`, `bounds`, `tile_count`. Mining: `hardest`. Samplers: `draws`, `negatives`. Products:
`gemm`. Devices: `devices`, `named_devices`.
"""

from __future__ import annotations

from vsebench.kernels.reductions import masked_max, masked_mean, softmax_weighted_sum
from vsebench.kernels.sorted_pooling import sorted_values, sorted_weighted_sum
from vsebench.kernels.valid_rows import padded_rows, valid_mask, valid_rows

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
