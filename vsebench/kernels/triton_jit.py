"""Triton compilation and launches for the modules named `*_triton`, which are imported only when a
CUDA tensor is at hand, or when Triton's interpreter is to take one of the CPU.
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
        any_size: arguments of which the compiler is to know nothing. By default it tells multiples
            of 16 apart, and spreads rows that are aligned over threads so as to load 16 bytes each.
    """

    def decorate(function: Any) -> Any:
        return triton.jit(function, do_not_specialize=list(any_size))

    return decorate if function is None else decorate(function)


def blocks(total: int, size: int) -> int:
    """How many blocks of a size cover a total."""
    return -(-total // size)


def launch(
    kernel: Any, grid: tuple[int, ...], *arguments: Tensor | int | None, **constants: int
) -> None:
    """Starts a kernel on the device of its first argument; an empty grid has nothing to start.

    Args:
        kernel: what `jit` has made.
        grid: number of programs along each axis.
        arguments: tensors, numbers, and None for tensors that this launch does without.
        constants: the kernel's compile-time numbers, and `num_warps`.
    """
    if 0 in grid:
        return
    device = arguments[0].device  # type: ignore[union-attr]
    with torch.cuda.device(device) if device.type == "cuda" else nullcontext():
        # Fused multiply-adds said aloud: their default differs between releases
        kernel[grid](*arguments, **constants, enable_fp_fusion=True)
