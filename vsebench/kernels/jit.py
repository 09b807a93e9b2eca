"""numba compilation for the modules named `*_numba`, which are imported only for large work."""

from __future__ import annotations

from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from types import CodeType
from typing import TYPE_CHECKING, Any, TypeVar, overload

import numba
from numba.core.caching import FunctionCache, IndexDataCacheFile
from numba.core.dispatcher import Dispatcher

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

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
        compiled = numba.njit(**options)(function)
        # numba finds no folder that it may write to, as in a read-only container
        with suppress(RuntimeError):
            compiled._cache = _KeptCode(function)  # type: ignore[no-untyped-call]
        return compiled

    return decorate if function is None else decorate(function)


class _KeptCode(FunctionCache):
    """Machine code on disk that is compiled anew once anything that went into it has changed: numba
    itself checks the function's own file only, and would run stale code of what it calls.
    """

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """The code for a signature, if it is kept and current."""
        self._cache_file = IndexDataCacheFile(  # type: ignore[no-untyped-call]
            cache_path=self.cache_path,
            filename_base=self._impl.filename_base,
            source_stamp=sorted(set(_made_of(self._py_func, set()))),
        )
        return super().load_overload(sig, target_context)  # type: ignore[no-untyped-call]


def _made_of(function: Any, seen: set[Any]) -> Iterator[tuple[str, str]]:
    """Sources of a function's machine code: files of compiled functions, with their time and
    size, and values of constants.
    """
    seen.add(function)
    code = function.__code__
    file = Path(code.co_filename)
    if file.is_file():
        about = file.stat()
        yield str(file), f"{about.st_mtime_ns} {about.st_size}"
    else:  # a cell of a notebook
        yield str(file), sha256(code.co_code).hexdigest()
    for name in _names(code):
        value = function.__globals__.get(name)
        if isinstance(value, Dispatcher):
            if value.py_func not in seen:
                yield from _made_of(value.py_func, seen)
        elif isinstance(value, (bool, int, float, str, tuple)):
            yield f"{function.__module__}.{name}", repr(value)


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _names(inner)
