"""numba compilation for the modules named `*_numba`, which are imported only when large work is at hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import numba

if TYPE_CHECKING:
    from collections.abc import Callable

Function = TypeVar("Function", bound="Callable[..., object]")


def jit(function: Function) -> Function:
    """Compiles without fast-math, so that sums keep their written order, and keeps the machine code on disk for the next process."""
    options: dict[str, Any] = {"error_model": "numpy"}
    compiled: Any
    try:
        compiled = numba.njit(cache=True, **options)(function)
    except RuntimeError:  # numba finds no folder that it may write to, as in a read-only container
        compiled = numba.njit(**options)(function)
    return compiled  # type: ignore[no-any-return]
