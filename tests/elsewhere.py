"""A stand-in for another device, on any machine: tensors that say that they are on the meta device,
and still have values.

PyTorch's own meta device refuses to mix with the CPU, but knows no values, and samplers read some.
Here each tensor holds one of the CPU, on which its operations are done; what is made for the meta
device becomes such a tensor, and what is made without a device does not.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Self

    import numpy as np

ELSEWHERE = torch.device("meta")

_aten = torch.ops.aten
_COPIES = (_aten.copy_.default, _aten._to_copy.default)
_INDEXING = (_aten.index.Tensor, _aten.index_put.default, _aten.index_put_.default)


class There(torch.Tensor):
    """A tensor on the stand-in; use it inside `elsewhere` only.

    Attributes:
        held: the tensor of the CPU.
    """

    held: torch.Tensor

    @staticmethod
    def __new__(cls, held: torch.Tensor) -> Self:
        layout = held.shape, held.stride(), held.storage_offset()
        made: Self = torch.Tensor._make_wrapper_subclass(
            cls, *layout, dtype=held.dtype, device=ELSEWHERE
        )
        made.held = held
        return made

    def __repr__(self) -> str:  # type: ignore[override]  # takes no contents
        return f"There({self.held!r})"

    def tolist(self) -> Any:
        return self.held.tolist()

    def numpy(self, *, force: bool = False) -> np.ndarray:
        """As of any device but the CPU.

        Raises:
            RuntimeError: it is asked for without force.
        """
        if not force:
            raise RuntimeError(
                "at least two devices: .numpy() is called on a tensor of the inputs' device, "
                "without .cpu() before it"
            )
        found: np.ndarray = self.held.numpy()
        return found

    __torch_function__ = torch._C._disabled_torch_function_impl  # type: ignore[assignment]  # as torch's documentation has it

    @classmethod
    def __torch_dispatch__(  # type: ignore[override]  # likewise
        cls, operation: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        return _compute(operation, args, kwargs or {})


@contextmanager
def elsewhere() -> Iterator[None]:
    """Inside, the stand-in is there: what is made for it or sent to it is a `There`."""
    with _Made(), _Computed():  # type: ignore[no-untyped-call]
        yield


class _Made(TorchFunctionMode):
    """`torch.tensor` and its like give the meta device no values: they are given it afterwards."""

    def __torch_function__(
        self, function: Any, _types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = dict(kwargs or {})
        if function in (torch.tensor, torch.as_tensor, torch.asarray) and _is_there(
            kwargs.get("device")
        ):
            return function(*args, **{**kwargs, "device": None}).to(ELSEWHERE)
        return function(*args, **kwargs)


class _Computed(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Every operation, on tensors of the CPU or of the stand-in."""

    def __torch_dispatch__(
        self, operation: Any, _types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        return _compute(operation, args, kwargs or {})


def _is_there(device: Any) -> bool:
    return device is not None and torch.device(device).type == ELSEWHERE.type


def _compute(operation: Any, args: Any, kwargs: Any) -> Any:
    """An operation by the CPU; its result is on the device that is asked for, else on that of its
    inputs.

    Raises:
        RuntimeError: tensors of the CPU are among those of the stand-in.
        NotImplementedError: the operation gives a tensor another shape in place.
    """
    tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)]
    there = [tensor for tensor in tensors if isinstance(tensor, There)]
    strangers = [tensor for tensor in tensors if not isinstance(tensor, There) and tensor.dim()]
    if there and strangers and not _may_mix(operation, args):
        shape = list(strangers[0].shape)
        raise RuntimeError(
            f"at least two devices: {operation} is given a tensor of the CPU, of shape {shape}, "
            "beside one of the inputs' device"
        )
    wanted = kwargs.get("device")
    goes = bool(there) if wanted is None else _is_there(wanted)
    if wanted is not None and goes:
        kwargs = {**kwargs, "device": torch.device("cpu")}
    found = operation(*tree_map(_held, args), **tree_map(_held, kwargs))
    owners = {id(_held(tensor)): tensor for tensor in tensors}
    return tree_map(lambda leaf: _placed(leaf, owners, operation) if goes else leaf, found)


def _may_mix(operation: Any, args: Any) -> bool:
    """Whether PyTorch lets it take tensors of the CPU beside others; any operation may take one of
    no dimensions.
    """
    return operation in _COPIES or (operation in _INDEXING and isinstance(args[0], There))


def _held(leaf: Any) -> Any:
    return leaf.held if isinstance(leaf, There) else leaf


def _placed(leaf: Any, owners: Mapping[int, torch.Tensor], operation: Any) -> Any:
    """A result on the stand-in; what was changed in place stays the tensor that it was."""
    if not isinstance(leaf, torch.Tensor):
        return leaf
    owner = owners.get(id(leaf))
    if owner is not None and owner.shape != leaf.shape:
        raise NotImplementedError(f"{operation} changes the shape of a tensor in place")
    return There(leaf) if owner is None else owner
