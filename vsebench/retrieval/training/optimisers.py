"""torch's optimisers, without what makes them import torch's compiler.

torch wraps the methods of its optimisers so that `torch.compile` does not trace through them. At
their first call the wrappers import `torch._dynamo`: 800 modules and a second of computing, which
is several times what a small run takes. A run compiles no optimiser, so these call what is inside
the wrappers. A wrapper that is not known stays: then a release of torch that has other ones costs
that second again, and computes the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, cast

import torch

if TYPE_CHECKING:
    from collections.abc import Callable

Optimiser = TypeVar("Optimiser", bound=torch.optim.Optimizer)

_WRAPPERS = (
    ("torch._compile", "inner"),
    ("torch.optim.optimizer", "_use_grad"),
    # calls step hooks; torch puts it around the `step` of every class when it is first made
    ("torch.optim.optimizer", "wrapper"),
)
"""Module and name of the functions that torch wraps methods with."""


def uncompiled(optimiser: type[Optimiser]) -> type[Optimiser]:
    """A subclass of an optimiser that does the same without importing torch's compiler.

    Args:
        optimiser: torch optimiser. It must not be made `differentiable`.
    """
    methods: dict[str, Any] = {
        name: unwrapped(getattr(optimiser, name))
        for name in ("add_param_group", "state_dict", "load_state_dict", "zero_grad")
    }
    methods["step"] = torch.no_grad()(unwrapped(optimiser.step))
    # What is ready to be captured need not be: torch would warn that it is not
    methods["_warned_capturable_if_run_uncaptured"] = True
    return cast("type[Optimiser]", type(optimiser.__name__, (optimiser,), methods))


def unwrapped(function: Callable[..., Any]) -> Callable[..., Any]:
    """What is inside the wrappers of torch that are known."""
    while (
        hasattr(function, "__wrapped__")
        and (function.__globals__["__name__"], function.__code__.co_name) in _WRAPPERS
    ):
        function = function.__wrapped__
    return function


AdamW = uncompiled(torch.optim.AdamW)
Adam = uncompiled(torch.optim.Adam)
