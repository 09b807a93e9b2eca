"""Inner products that are the same to the last bit wherever they are computed, row by row and for
chosen pairs of rows.

A matrix product's last bits depend on its shape, its device and its threads. Where equality
matters, as for ties between scores, products are summed here in float64 in one fixed order: the
elementwise products, padded with zeros to a power of two, are halved by adding the upper half to
the lower one until a single number is left.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

    from vsebench.kernels.rows import Rows


_CACHED_TERMS = 2**17  # products of an exact batch on the CPU: 1 MiB, which stays in the cache
_DEVICE_TERMS = 2**23  # elsewhere: 64 MiB, so that launching kernels is not what takes the time


def exact_dot(left: Tensor, right: Tensor, *, compiled: bool = False) -> Tensor:
    """The inner product of each row of `left` with the same row of `right`.

    Every value is a function of its two rows alone: not of the other rows, the device or the number
    of threads, nor of `compiled`. Products of fp32 (or narrower) inputs are exact; each term passes
    through at most log2(D) + 1 float64 additions.

    Args:
        left: [P, D] of any floating dtype, D ≥ 1.
        right: [P, D].
        compiled: use the numba kernel where it applies (fp32 and float64 on the CPU); compiling
            takes a second, once per machine.

    Returns:
        float64 [P].
    """
    if compiled and _kernel_takes(left, right):
        each = torch.arange(len(left), device="cpu")
        return _dot_pairs(left, right, each, each)
    terms = left.to(torch.float64, copy=True).mul_(right)
    width = terms.shape[1]
    while width > 1:
        half = 1 << ((width - 1).bit_length() - 1)  # the largest power of two below width
        terms[:, : width - half] += terms[:, half:width]
        width = half
    return terms[:, 0].clone()


def exact_scores(
    left: Rows, right: Rows, left_index: Tensor, right_index: Tensor, *, compiled: bool
) -> Tensor:
    """float64 [P], the inner products of the rows (left_index[p], right_index[p]); see
    `exact_dot`.
    """
    if compiled and left.device.type == "cpu" and _kernel_takes(left.values, right.values):
        return _dot_pairs(left.values, right.values, left_index, right_index)
    terms = _CACHED_TERMS if left.device.type == "cpu" else _DEVICE_TERMS
    batch = max(1, terms // left.width)
    scores = torch.empty(len(left_index), dtype=torch.float64, device=left_index.device)
    for part, i, j in zip(
        *(torch.split(whole, batch) for whole in (scores, left_index, right_index)), strict=True
    ):
        part.copy_(exact_dot(left.take(i), right.take(j), compiled=compiled))
    return scores


def _kernel_takes(*values: Tensor) -> bool:
    return all(
        each.device.type == "cpu" and each.dtype in (torch.float32, torch.float64)
        for each in values
    )


def _dot_pairs(left: Tensor, right: Tensor, left_index: Tensor, right_index: Tensor) -> Tensor:
    from vsebench.kernels.exact_dot_numba import dot_pairs

    out = torch.empty(len(left_index), dtype=torch.float64, device="cpu")
    index, other = (each.contiguous().numpy() for each in (left_index, right_index))
    dot_pairs(left.numpy(), right.numpy(), index, other, out.numpy())
    return out
