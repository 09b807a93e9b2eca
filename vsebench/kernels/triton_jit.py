"""Triton compilation and launches for the modules named `*_triton`, which are imported only for a
CUDA tensor, or for a CPU tensor under Triton's interpreter.
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, TypeVar, overload

import torch
import triton

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from torch import Tensor

__all__ = ("blocks", "jit", "launch")

Function = TypeVar("Function", bound="Callable[..., object]")


@overload
def jit(function: Function) -> Function: ...
@overload
def jit(*, any_size: Collection[str] = ()) -> Callable[[Function], Function]: ...
def jit(function: Any = None, *, any_size: Collection[str] = ()) -> Any:
    """A kernel, or a function of kernels; interpreted where `TRITON_INTERPRET=1` is set before the
    first import of triton.

    Args:
        function: the function.
        any_size: arguments that the compiler must not specialise on. By default it tells multiples
            of 16 apart, and spreads aligned rows over threads so that each loads 16 bytes.
    """

    def decorate(function: Any) -> Any:
        return triton.jit(function, do_not_specialize=list(any_size))

    return decorate if function is None else decorate(function)


def blocks(total: int, size: int) -> int:
    """Number of blocks of a size that cover a total."""
    return -(-total // size)


def launch(
    kernel: Any, grid: tuple[int, ...], *arguments: Tensor | int | None, **constants: int
) -> None:
    """Starts a kernel on the device of its first argument; an empty grid has nothing to start.

    Args:
        kernel: a kernel, from `jit`.
        grid: number of programs along each axis.
        arguments: tensors, numbers, and None for tensors that this launch does without.
        constants: the kernel's compile-time numbers, and `num_warps`.
    """
    if 0 in grid:
        return
    device = arguments[0].device  # type: ignore[union-attr]
    with torch.cuda.device(device) if device.type == "cuda" else nullcontext():
        # Fused multiply-adds by name: their default differs between releases
        kernel[grid](*arguments, **constants, enable_fp_fusion=True)
