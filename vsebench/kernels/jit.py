"""numba compilation for the modules named `*_numba`, which are imported only when large work is at
hand.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, overload

import numba

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

__all__ = ("jit",)

Function = TypeVar("Function", bound="Callable[..., object]")


@overload
def jit(function: Function) -> Function: ...
@overload
def jit(
    *, fastmath: Collection[str] = (), cache: bool = True, inline: bool = False
) -> Callable[[Function], Function]: ...
def jit(
    function: Any = None,
    *,
    fastmath: Collection[str] = (),
    cache: bool = True,
    inline: bool = False,
) -> Any:
    """Compiles at the first call, and keeps the machine code on disk for the next process. Compiled
    code releases the GIL.

    Without `fastmath` (LLVM's flags, such as `contract` for fused multiply-adds and `reassoc` for
    sums in any order), sums keep their written order. `inline` puts the machine code of a small
    function into its callers, whatever the compiler thinks of it. A function that takes compiled
    functions cannot be kept (`cache=False`): numba knows those by an identity that each process
    makes anew.
    """

    def decorate(function: Any) -> Any:
        options: dict[str, Any] = {
            "error_model": "numpy",
            "fastmath": set(fastmath),
            "nogil": True,
            "forceinline": inline,
        }
        if not cache:
            return numba.njit(**options)(function)
        try:
            return numba.njit(cache=True, **options)(function)
        except RuntimeError:
            # numba finds no folder that it may write to, as in a read-only container
            return numba.njit(**options)(function)

    return decorate if function is None else decorate(function)
