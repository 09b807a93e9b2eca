"""Matrix products: fast ones that are still fp32, and those of bf16.

On AMD CPUs torch's default fp32 product (MKL) runs at less than half the speed of oneDNN's. Torch
hands fp32 products to oneDNN only when lower precision is allowed, and what oneDNN makes of that
permission depends on the CPU: without AMX it computes in fp32 all the same, with AMX it rounds the
inputs to bf16. So it is probed once per process, by products that show the rounding.

oneDNN also prepares a kernel for each new shape of a product, and the shapes of ragged batches are
never the same twice; `round_up_rows` gives them row counts that repeat.

Products in bf16 take half the time of fp32 ones or less on CPUs that have instructions for them.
Their results say little by themselves; `bounds.undecided_in_bf16` says what they leave undecided.
"""

from __future__ import annotations

import functools
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from torch import Tensor


__all__ = ("onednn_keeps_float32", "true_float32")

Route = Literal["onednn-fp32", "default"]

PACKED_ROWS = 64
"""The multiple to which the rows of a product over all valid rows of a batch are rounded up."""

_PROBE_SHAPES = ((256, 512, 512), (128, 300, 256), (33, 65, 129))
_BF16_INSTRUCTIONS = ("avx512_bf16", "amx_bf16")
_BF16_PROBE_SHAPES = ((64, 1024, 128), (33, 65, 129))
"""(rows, depth, columns) of the probes; the last fills no vector register evenly."""

_MKLDNN: Any = torch.backends.mkldnn  # its attributes are set at run time, out of mypy's sight


@contextmanager
def true_float32(fast: bool = True) -> Iterator[Route]:
    """Within it, fp32 products have fp32 inputs and fp32 sums on every device, whatever TF32, bf16
    or autocast settings are around it.

    Error bounds of fp32 arithmetic hold inside. The settings are process-wide and are put back at
    the end.

    Args:
        fast: use oneDNN on the CPU where it keeps fp32 precision. Of no use to work on CUDA, and
            `torch.get_float32_matmul_precision`, which autotuning asks, raises inside.

    Yields:
        How CPU products are computed inside, for a run's provenance.
    """
    route: Route = "onednn-fp32" if fast and onednn_keeps_float32() else "default"
    with (
        _precision("bf16" if route == "onednn-fp32" else "ieee"),
        torch.autocast("cpu", enabled=False),
        torch.autocast("cuda", enabled=False),
    ):
        yield route


@contextmanager
def _precision(cpu: Literal["bf16", "ieee"]) -> Iterator[None]:
    """Sets what CPU products may round to, and allows CUDA ones no rounding where torch can tell
    the two apart.

    The settings of each backend are used where torch has them (2.9), since
    `torch.get_float32_matmul_precision` raises where only those were changed by the caller.
    """
    if not hasattr(_MKLDNN, "matmul"):
        with _precision_of_all(cpu):
            yield
        return
    backends = (_MKLDNN.matmul, torch.backends.cuda.matmul)
    before = [backend.fp32_precision for backend in backends]
    try:
        for backend, value in zip(backends, (cpu, "ieee"), strict=True):
            backend.fp32_precision = value
        yield
    finally:
        for backend, value in zip(backends, before, strict=True):
            backend.fp32_precision = value


@contextmanager
def _precision_of_all(cpu: Literal["bf16", "ieee"]) -> Iterator[None]:
    """As `_precision`, with the one setting that older releases of torch have for every backend:
    where there is CUDA, nothing may round.
    """
    before = torch.get_float32_matmul_precision()
    try:
        torch.set_float32_matmul_precision(
            "medium" if cpu == "bf16" and not torch.cuda.is_available() else "highest"
        )
        yield
    finally:
        torch.set_float32_matmul_precision(before)


@functools.cache
def onednn_keeps_float32() -> bool:
    """Whether oneDNN takes over fp32 products on this CPU when allowed to use bf16, and computes
    them in fp32 nevertheless.
    """
    with torch.autocast("cpu", enabled=False):
        return (
            _MKLDNN.is_available()
            and all(_keeps_float32(*shape) for shape in _PROBE_SHAPES)
            and _takes_over()
        )


def _keeps_float32(rows: int, depth: int, columns: int) -> bool:
    """Inputs are not rounded (a product with the identity is exact in any order of summation), and
    sums are as accurate as fp32 ones.
    """
    generator = torch.Generator().manual_seed(0)
    left = torch.randn(rows, depth, generator=generator, dtype=torch.float32, device="cpu")
    right = torch.randn(columns, depth, generator=generator, dtype=torch.float32, device="cpu")
    identity = torch.eye(depth, dtype=torch.float32, device="cpu")
    with _precision("bf16"):
        exact = torch.equal(left @ identity, left) and torch.equal(identity @ right.T, right.T)
        product = left @ right.T
    error = (product.double() - left.double() @ right.double().T).abs()
    return exact and bool((error <= 1e-6 * left.norm(dim=1)[:, None] * right.norm(dim=1)).all())


def _takes_over() -> bool:
    """Whether the permission changes anything: another library adds up in another order, which
    shows in the last bits.
    """
    rows, depth, columns = _PROBE_SHAPES[0]
    generator = torch.Generator().manual_seed(0)
    left = torch.randn(rows, depth, generator=generator, dtype=torch.float32, device="cpu")
    right = torch.randn(depth, columns, generator=generator, dtype=torch.float32, device="cpu")
    with _precision("ieee"):
        default = left @ right
    with _precision("bf16"):
        return not torch.equal(default, left @ right)


def round_up(rows: int, multiple: int) -> int:
    """The next multiple from `rows` on."""
    return rows + -rows % multiple


def round_up_rows(rows: Tensor, multiple: int = PACKED_ROWS) -> Tensor:
    """`rows` [..., n, D] with n rounded up to a multiple; the rows added are zero."""
    return functional.pad(rows, (0, 0, 0, -rows.shape[-2] % multiple))


@functools.cache
def has_bf16_products() -> bool:
    """Whether this CPU has instructions for products of bf16 matrices, and torch's add up in fp32
    and round each result once, to the nearest; always False before torch 2.10, which cannot tell.
    """
    capabilities: Mapping[str, object] = getattr(torch.cpu, "get_capabilities", dict)()
    return any(capabilities.get(name) for name in _BF16_INSTRUCTIONS) and rounds_once()


def rounds_once() -> bool:
    """Whether products of small integers, whose sums are exact in fp32 and not in bf16, are the
    bf16 numbers nearest to the exact ones.
    """
    generator = torch.Generator().manual_seed(0)
    for rows, depth, columns in _BF16_PROBE_SHAPES:
        left, right = (
            torch.randint(-8, 9, (count, depth), generator=generator, device="cpu").float()
            for count in (rows, columns)
        )
        exact = (left.double() @ right.double().T).bfloat16()
        if not torch.equal(left.bfloat16() @ right.bfloat16().T, exact):
            return False
    return True
