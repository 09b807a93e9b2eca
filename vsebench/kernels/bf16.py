"""Matrix products in bf16 on CPUs that have instructions for them, where they take half the time of
fp32 ones or less.

Their results say little by themselves; `bounds.undecided_in_bf16` says what they leave undecided.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ("has_bf16_products",)

_INSTRUCTIONS = ("avx512_bf16", "amx_bf16")
_PROBE_SHAPES = ((64, 1024, 128), (33, 65, 129))
"""(rows, depth, columns) of the probes; the last fills no vector register evenly."""


@functools.cache
def has_bf16_products() -> bool:
    """Whether this CPU has instructions for products of bf16 matrices, and torch's add up in fp32
    and round each result once, to the nearest; always False before torch 2.10, which cannot tell.
    """
    capabilities: Mapping[str, object] = getattr(torch.cpu, "get_capabilities", dict)()
    return any(capabilities.get(name) for name in _INSTRUCTIONS) and rounds_once()


def rounds_once() -> bool:
    """Whether products of small integers, whose sums are exact in fp32 and not in bf16, are the
    bf16 numbers nearest to the exact ones.
    """
    generator = torch.Generator().manual_seed(0)
    for rows, depth, columns in _PROBE_SHAPES:
        left, right = (
            torch.randint(-8, 9, (count, depth), generator=generator, device="cpu").float()
            for count in (rows, columns)
        )
        exact = (left.double() @ right.double().T).bfloat16()
        if not torch.equal(left.bfloat16() @ right.bfloat16().T, exact):
            return False
    return True
