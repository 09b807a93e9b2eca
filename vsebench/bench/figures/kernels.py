"""Kernels alone, forward and backward, in the form that is taken on the device and in plain torch.
The floor of the sorted ones is one copy of the features; that of GPO's weights is one of the
generator's parameters and of the table.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Literal

import torch
from torch.testing import assert_close

from vsebench.bench.figure import SIZES, Figure, Work
from vsebench.bench.figures.made import REGIONS, environment, image_lengths, normal
from vsebench.kernels import sorted_values, sorted_weighted_sum, valid_mask
from vsebench.plugin.routes import VARIABLE
from vsebench.plugin.specs import create

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

    from vsebench.bench.figure import Setting

Kernel = Literal["sorted sum", "sorted values"]

GRID = 256  # cells of an image


def gradients(
    function: Callable[[], Tensor], upstream: Tensor, inputs: Sequence[Tensor]
) -> Callable[[], tuple[Tensor, ...]]:
    """The value of a function and its gradients."""

    def run() -> tuple[Tensor, ...]:
        out = function()
        return (out, *torch.autograd.grad(out, inputs, upstream))

    return run


def sorted_work(kernel: Kernel, dtype: torch.dtype, rows: int, setting: Setting) -> Work:
    """A batch of 128 images of regions, or of grid cells, of the size of VSE-infinity at full
    size.
    """
    size, dim = setting.pick(tiny=(4, 16), quick=(64, 256), full=(128, 1024))
    lengths = image_lengths(size) if rows == REGIONS else torch.full((size,), rows)
    longest = int(lengths.max())
    features = normal(size, longest, dim, seed=1).to(setting.device, dtype).requires_grad_()
    lengths = lengths.to(setting.device)
    inputs: tuple[Tensor, ...]
    if kernel == "sorted sum":
        weights = (valid_mask(lengths, longest) / lengths[:, None]).requires_grad_()
        inputs = (features, weights)
        upstream = normal(size, dim, seed=2).to(setting.device, dtype)
        ours = gradients(partial(sorted_weighted_sum, features, lengths, weights), upstream, inputs)
    else:
        inputs = (features,)
        upstream = normal(size, longest, dim, seed=2).to(setting.device, dtype)
        ours = gradients(partial(sorted_values, features, lengths), upstream, inputs)
    values = features.detach()
    return _work(ours, values.clone, 2 * values.numel() * values.element_size(), dtype)


def weights_work(setting: Setting) -> Work:
    """The weights of every length up to that of an image's regions."""
    n = setting.pick(tiny=5, quick=REGIONS, full=REGIONS)
    torch.manual_seed(0)
    gpo = create("pooling", "gpo").to(setting.device)
    parameters = list(gpo.parameters())
    upstream = normal(n, n, seed=2).to(setting.device)
    moved = torch.cat([upstream.flatten(), *(each.detach().flatten() for each in parameters)])
    ours = gradients(partial(gpo.table, n), upstream, parameters)
    return _work(ours, moved.clone, 2 * moved.numel() * moved.element_size(), moved.dtype)


def _work(
    ours: Callable[[], tuple[Tensor, ...]],
    floor: Callable[[], Tensor],
    moved: int,
    dtype: torch.dtype,
) -> Work:
    plain = environment(VARIABLE, "torch")(ours)
    tolerance = 1e-4 if dtype == torch.float32 else 2e-2

    def agree() -> None:
        for found, wanted in zip(ours(), plain(), strict=True):
            assert_close(found, wanted, rtol=tolerance, atol=tolerance)

    return Work(ours, plain, floor=floor, agree=agree, amount=moved / 1e9, unit="GB, the floor's")


def _sorted(kernel: Kernel, dtype: torch.dtype, rows: int = REGIONS) -> Figure:
    name = str(dtype).removeprefix("torch.")
    return Figure(
        f"kernel/{kernel} {name}" + (f" {rows} rows" if rows != REGIONS else ""),
        partial(sorted_work, kernel, dtype, rows),
        reference="plain torch",
        floor="a copy of the features",
        # Of sorted values in other dtypes the CPU has no form of its own
        on_cpu=SIZES if dtype == torch.float32 or kernel == "sorted sum" else ("tiny",),
    )


FIGURES = (
    *(_sorted("sorted sum", dtype) for dtype in (torch.float32, torch.bfloat16, torch.float16)),
    _sorted("sorted sum", torch.float32, GRID),
    _sorted("sorted values", torch.float32),
    _sorted("sorted values", torch.bfloat16),
    Figure(
        "kernel/gpo weights",
        weights_work,
        reference="plain torch",
        floor="a copy of parameters and table",
    ),
)
