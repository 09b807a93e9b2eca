"""When compiled CPU kernels are used, and what they are given."""

from __future__ import annotations

import functools
import warnings
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

__all__ = ("array", "compiled_kernels_take", "numba_works")


def compiled_kernels_take(features: Tensor) -> bool:
    """Whether the kernels in numba may pool `features`: float32, on the CPU, outside of graphs that
    torch compiles itself.
    """
    return (
        features.device.type == "cpu"
        and features.dtype == torch.float32
        and not torch.compiler.is_compiling()
        and numba_works()
    )


@functools.cache
def numba_works() -> bool:
    """Whether numba can be imported; where not (it lags behind new releases of NumPy and Python),
    says so once.
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


def array(tensor: Tensor) -> np.ndarray:
    """The tensor's memory, contiguous, as an array."""
    shared: np.ndarray = tensor.detach().contiguous().numpy()
    return shared
