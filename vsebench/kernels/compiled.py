"""The compiled kernels that a tensor can take: numba's on the CPU, Triton's on CUDA, as far as
`vsebench.plugin.routes` allows.
"""

from __future__ import annotations

import functools
import os
import warnings
from typing import TYPE_CHECKING

import torch

from vsebench.plugin.routes import allowed, asked

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

__all__ = ("array", "compiled_kernels_take", "numba_works", "triton_kernels_take")

TRITON_DTYPES = (torch.float32, torch.bfloat16, torch.float16)


def compiled_kernels_take(features: Tensor) -> bool:
    """Whether the kernels in numba may pool `features`: float32, on the CPU, outside of graphs that
    torch compiles itself.
    """
    return (
        features.device.type == "cpu"
        and features.dtype == torch.float32
        and not torch.compiler.is_compiling()
        and allowed("numba")
        and numba_works()
    )


def triton_kernels_take(features: Tensor) -> bool:
    """Whether the kernels in Triton may take `features`: float32, bfloat16 or float16, on CUDA,
    outside of graphs that torch compiles itself. Of the CPU, Triton's interpreter
    (`TRITON_INTERPRET=1`) takes them where `VSEBENCH_KERNELS=triton` asks for it.
    """
    return (
        features.dtype in TRITON_DTYPES
        and not torch.compiler.is_compiling()
        and allowed("triton")
        and (
            triton_works(features.device.index or 0)
            if features.device.type == "cuda"
            else asked() == "triton" and os.environ.get("TRITON_INTERPRET") == "1"
        )
    )


@functools.cache
def numba_works() -> bool:
    """Whether numba can be imported; warns once if not (it lags behind new releases of NumPy and
    Python).
    """
    try:
        import numba  # noqa: F401
    except ImportError as error:
        warnings.warn(
            "poolings and GRUs take up to ten times as long on the CPU, because numba cannot be "
            f"imported: {error}",
            RuntimeWarning,
            stacklevel=3,
        )
        return False
    return True


@functools.cache
def triton_works(device: int) -> bool:
    """Whether a CUDA device sums sorted features by Triton as torch does, tried once on a few
    numbers.

    False without a warning where triton is not installed. Where it fails (it needs a C compiler,
    for one) or the sums differ, it warns once; with `VSEBENCH_KERNELS=triton` the error is raised.
    """
    try:
        from vsebench.kernels.sorted_pooling_triton import TritonSortedSum
    except ModuleNotFoundError:
        return False
    try:
        generator = torch.Generator().manual_seed(0)
        features = torch.randn(2, 5, 3, generator=generator).to(f"cuda:{device}")
        weights, lengths = features[:, :, 0], torch.tensor([5, 2], device=features.device)
        ours = TritonSortedSum.apply(features, lengths, weights)  # type: ignore[no-untyped-call]
        plain = [
            (own[:n, None] * rows[:n].sort(dim=0, descending=True).values).sum(dim=0)
            for rows, own, n in zip(features, weights, lengths.tolist(), strict=True)
        ]
        torch.testing.assert_close(ours, torch.stack(plain), rtol=1e-5, atol=1e-5)
    except Exception as error:  # of the compiler, the driver or an unknown device
        if asked() == "triton":
            raise
        warnings.warn(
            "poolings take plain torch on CUDA, because Triton's kernels fail there "
            f"({type(error).__name__}: {' '.join(str(error).split())[:300]})",
            RuntimeWarning,
            stacklevel=3,
        )
        return False
    return True


def array(tensor: Tensor) -> np.ndarray:
    """The tensor's memory, contiguous, as an array."""
    shared: np.ndarray = tensor.contiguous().numpy(force=True)  # a gradient's graph stays behind
    return shared
