"""A CUDA device that holds no values, on any machine: what a device would do to the host shows, and
nothing is computed.

Tensors "on it" are torch's meta tensors, which say that they are on `cuda:0` while it is there.
Fake tensors of torch would do for a forward pass; but a build of torch for the CPU has no guard for
CUDA devices, without which autograd ends the process when it meets one. Meta tensors go through
autograd, optimisers and kernels' shape rules everywhere.

What it finds:

- an operation that mixes tensors of the device with tensors of the host (0-dimensional ones may
  come along, as on CUDA);
- a place where the host waits for the device: a value that is read (`item`, `float`, `if`), a shape
  that depends on values (`nonzero`, a boolean index), a copy to the host, and a copy to the device
  that is not from pinned memory or not asynchronous.

A read gives zeros (1.0 for a single number, true for `all`), so that host code goes on; a shape
that depends on values is empty. Within `paused` all is as without it: libraries that load weights
use meta tensors themselves.
"""

from __future__ import annotations

import sys
from collections import Counter
from contextlib import ExitStack, contextmanager, nullcontext
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

from tests.rehearsal.streams import Event, Stream, pin

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from torch import Tensor

aten = torch.ops.aten
CUDA = torch.device("cuda:0")
META = torch.device("meta")
ROOT = Path(__file__).parents[2]

_inside = ContextVar("inside", default=False)
"""Whether a meta tensor is one: to torch's own shape rules, and where the pretending pauses."""

READS = {aten._local_scalar_dense.default, aten.is_nonzero.default, aten.equal.default}


def _empty(like: Tensor, *shape: int) -> Tensor:
    return torch.empty(*shape, dtype=like.dtype, device=META)


def _indices(*shape: int) -> Tensor:
    return torch.empty(*shape, dtype=torch.int64, device=META)


SHAPES: dict[Any, Callable[..., Any]] = {
    aten.nonzero.default: lambda x: _indices(0, x.dim()),
    aten.masked_select.default: lambda x, mask: _empty(x, 0),
    aten.repeat_interleave.Tensor: lambda repeats: _indices(0),
    aten._unique2.default: lambda x, *settings: (
        _empty(x, 0),
        _indices(*x.shape),
        _indices(0),
    ),
}
"""What comes of operations whose shape depends on values."""

UPDATES = {aten._fused_adam_.tensor_lr, aten._fused_adamw_.tensor_lr}
"""What changes its arguments, returns nothing and is not known to meta tensors."""

COPIES = {aten._to_copy.default, aten.copy_.default, aten._copy_from.default}


class HostWaitError(AssertionError):
    """The host waits for the device where it must not."""


class MixedDevicesError(AssertionError):
    """An operation takes tensors of the device and of the host."""


def is_device(value: object) -> bool:
    return isinstance(value, torch.Tensor) and value.is_meta


class PretendedCuda(TorchDispatchMode):
    """Watches what is done.

    Attributes:
        waits: how often the host waited, by place in the project and kind.
        strict: a wait is an error.
    """

    def __init__(self) -> None:
        super().__init__()
        self.waits: Counter[str] = Counter()
        self.strict = False
        self.operations = 0

    @contextmanager
    def without_waits(self) -> Iterator[None]:
        """Within it a wait is a `HostWaitError`."""
        self.strict = True
        try:
            yield
        finally:
            self.strict = False

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Within it nothing is pretended and nothing watched."""
        inside = _inside.set(True)
        try:
            yield
        finally:
            _inside.reset(inside)

    def wait(self, kind: str) -> None:
        place = where()
        self.waits[f"{place}: {kind}"] += 1
        if self.strict:
            raise HostWaitError(f"{place}: the host waits for the device: {kind}")

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        if _inside.get():
            return func(*args, **kwargs or {})
        args, kwargs = tree_map(on_meta, (args, kwargs or {}))
        if torch.is_inference_mode_enabled():  # where composed operations arrive whole
            with self:
                found = func.decompose(*args, **kwargs)
            if found is not NotImplemented:
                return found
        inside = _inside.set(True)
        try:
            return self._watched(func, args, kwargs)
        finally:
            _inside.reset(inside)

    def _watched(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        tensors = [each for each in tree_leaves((args, kwargs)) if isinstance(each, torch.Tensor)]
        ours = [each for each in tensors if each.is_meta]
        to_device = kwargs.get("device") is not None and torch.device(kwargs["device"]) == META
        if func in COPIES:
            return self._copy(func, args, kwargs)
        if not ours:
            return func(*args, **kwargs)
        self.operations += 1
        if func in READS:
            self.wait(func._schema.name)
            return func is aten.equal.default or zero(args[0])
        if func in SHAPES and kwargs.get("output_size") is None:
            self.wait(func._schema.name)
            return SHAPES[func](*args)
        if func in (aten.index.Tensor, aten.index_put_.default, aten.index_put.default):
            indices = self._index(args[1])
            args = (args[0], indices, *args[2:])
        elif not to_device:
            for each in tensors:
                if not each.is_meta and each.dim():
                    raise MixedDevicesError(
                        f"{where()}: {func} takes a tensor of the host {tuple(each.shape)} beside "
                        "tensors of the device"
                    )
        found = None if func in UPDATES else func(*args, **kwargs)
        if func.overloadpacket is aten.all:
            found.pretends_to_hold = True
        return found

    def _index(self, indices: Sequence[Tensor | None]) -> list[Tensor | None]:
        """The indices, empty ones for what depends on values."""
        found: list[Tensor | None] = []
        for index in indices:
            if index is not None and not index.is_meta:
                self.wait("an index that lies on the host")
            if index is not None and index.dtype == torch.bool:
                self.wait("a boolean index")
                empty = torch.empty(0, dtype=torch.int64, device=META)
                found += [empty] * index.dim()
            else:
                found.append(index)
        return found

    def _copy(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if func is aten._to_copy.default:
            source, target = args[0], kwargs.get("device") or args[0].device
            asynchronous = kwargs.get("non_blocking", False)
        else:
            target, source = args[0].device, args[1]
            asynchronous = args[2] if len(args) > 2 else kwargs.get("non_blocking", False)
        from_device, to_device = source.is_meta, torch.device(target).type == "meta"
        if from_device and not to_device:
            if not (func is aten.copy_.default and asynchronous and pinned(args[0])):
                self.wait("a copy to the host")
            if func is aten._to_copy.default:
                return torch.zeros(source.shape, dtype=kwargs.get("dtype") or source.dtype)
            return args[0].zero_()
        if to_device and not from_device and not (asynchronous and pinned(source)):
            self.wait("a blocking copy to the device")
        return func(*args, **kwargs)


def zero(tensor: Tensor) -> bool | float | int:
    """What is read from a tensor of the device."""
    if tensor.dtype == torch.bool:
        return getattr(tensor, "pretends_to_hold", False)
    return 1.0 if tensor.is_floating_point() else 0


def pinned(tensor: Tensor) -> bool:
    return getattr(tensor, "pretends_to_be_pinned", False)


def where() -> str:
    """The innermost line of the project, outside of this file and of compiled code."""
    frame = sys._getframe()
    while frame := frame.f_back:
        path = Path(frame.f_code.co_filename)
        if path.is_relative_to(ROOT) and path != Path(__file__):
            return f"{path.relative_to(ROOT)}, {frame.f_code.co_name}"
    return "outside of the project"


LOWER = {
    torch.matmul,
    torch.mm,
    torch.bmm,
    torch.addmm,
    torch.baddbmm,
    torch.conv1d,
    torch.conv2d,
    torch.nn.functional.linear,
    torch.nn.functional.scaled_dot_product_attention,
    torch.Tensor.matmul,
    torch.Tensor.__matmul__,
    torch.Tensor.__rmatmul__,
    torch.Tensor.mm,
    torch.Tensor.bmm,
}
"""What autocast computes in the lower precision, as far as the project calls it."""


class _Presented(TorchFunctionMode):
    """What is made on the device is a meta tensor. Autocast, which lies below what Python sees, is
    done here for products.
    """

    def __init__(self, watching: PretendedCuda) -> None:
        super().__init__()
        self.watching = watching

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = dict(kwargs or {})
        if _inside.get():
            return func(*args, **kwargs)
        if kwargs.pop("pin_memory", False):
            made = func(*args, **kwargs)
            made.pretends_to_be_pinned = True
            return made
        if func is torch.Tensor.backward:
            with self:  # which is not there in what a mode handles, and whole backward passes are
                torch.autograd.backward(args[0], kwargs.get("gradient"))
            return None
        if func in (torch.tensor, torch.as_tensor) and is_cuda(kwargs.get("device")):
            self.watching.wait("a tensor made from numbers of the host")
        if func is not torch.device:
            args, kwargs = tree_map(on_meta, (args, kwargs))
        if func in LOWER and torch.is_autocast_enabled("cuda"):
            args, kwargs = tree_map(lowered, (args, kwargs))
        return func(*args, **kwargs)


def lowered(value: Any) -> Any:
    if is_device(value) and value.dtype in (torch.float32, torch.float16):
        return value.to(torch.get_autocast_dtype("cuda"))
    return value


def _device(tensor: Tensor) -> torch.device:
    found: torch.device = torch._C.TensorBase.device.__get__(tensor)
    return CUDA if found == META and not _inside.get() else found


def _is_cuda(tensor: Tensor) -> bool:
    return tensor.is_meta and not _inside.get()


def is_cuda(value: Any) -> bool:
    return isinstance(value, torch.device) and value.type == "cuda"


def on_meta(value: Any) -> Any:
    return META if is_cuda(value) else value


@contextmanager
def pretended_cuda() -> Iterator[PretendedCuda]:
    """Within it there is a CUDA device that computes nothing."""
    watching = PretendedCuda()
    with ExitStack() as stack:
        for name, getter in {"device": _device, "is_cuda": _is_cuda}.items():
            stack.enter_context(
                mock.patch.object(torch.Tensor, name, property(getter), create=True)
            )
        for name, value in {
            "torch.cuda.is_available": lambda: True,
            "torch.cuda.is_bf16_supported": lambda *a, **k: True,
            "torch.cuda.amp.common.amp_definitely_not_available": lambda: False,
            "torch.cuda.synchronize": lambda *a: watching.wait("synchronize"),
            "torch.cuda.Event": Event,
            "torch.cuda.Stream": Stream,
            "torch.cuda.current_stream": Stream,
            "torch.cuda.stream": nullcontext,
            "torch.Tensor.pin_memory": pin,
            "torch.Tensor.record_stream": lambda *a: None,
            "torch.cuda.mem_get_info": lambda *a: (1 << 37, 1 << 37),
            "torch.cuda.get_rng_state": lambda *a: torch.zeros(16, dtype=torch.uint8),
            "torch.cuda.set_rng_state": lambda *a: None,
        }.items():
            stack.enter_context(mock.patch(name, value))
        # As on CUDA, a module that is moved keeps its parameters
        swaps = torch.__future__.get_swap_module_params_on_conversion()
        stack.callback(torch.__future__.set_swap_module_params_on_conversion, swaps)
        torch.__future__.set_swap_module_params_on_conversion(True)
        stack.enter_context(watching)
        stack.enter_context(_Presented(watching))
        yield watching
