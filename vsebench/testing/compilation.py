"""How many graphs `torch.compile` makes of something."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import torch
from torch._dynamo import lookup_backend
from torch._dynamo.utils import counters

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor


class Compiled:
    """A module or function compiled by `aot_eager`, which counts its graphs, those of its
    recompilations too.

    Attributes:
        graphs: number of graphs so far.
    """

    def __init__(self, target: Callable[..., Any]) -> None:
        torch._dynamo.reset()
        counters.clear()
        self.graphs = 0
        self._compiled: Callable[..., Any] = torch.compile(target, backend=self._backend)

    def __call__(self, *inputs: Tensor) -> Any:
        return quietly(self._compiled, *inputs)

    def _backend(self, graph: torch.fx.GraphModule, inputs: list[Tensor]) -> Callable[..., Any]:
        self.graphs += 1
        compiled: Callable[..., Any] = lookup_backend("aot_eager")(graph, inputs)
        return compiled

    @property
    def whole(self) -> bool:
        """It is one graph, without a break before or behind it either."""
        return self.graphs <= 1 and not counters["graph_break"]

    @property
    def breaks(self) -> str:
        """Why it is not, in one line."""
        reasons = [" ".join(reason.split())[:160] for reason in counters["graph_break"]]
        return "; ".join(reasons) or "it was compiled again for other values"


def quietly(compiled: Callable[..., Any], *inputs: Tensor) -> Any:
    """Calls what was compiled without its compiler's warnings, which are of what it does itself."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return compiled(*inputs)
