"""A padded batch on its device."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch.nn import functional

from vsebench.kernels.gemm import round_up
from vsebench.plugin import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor


BUCKET = 8
"""The multiple that static batches are padded to."""


class Kept(NamedTuple):
    """The local features of an encoder that stay: their positions int64 [B, n], and the number of
    valid ones among these, int64 [B].
    """

    positions: Tensor
    lengths: Tensor


class Padded(NamedTuple):
    """A padded batch [B, N, ...] and the valid lengths int64 [B] of its items; for raw images also
    which of their local features stay.
    """

    values: Tensor
    lengths: Tensor
    kept: Kept | None = None


def join(batches: Sequence[Padded]) -> Padded:
    """Several batches as one, padded to the longest; none with `kept`."""
    if len(batches) == 1:
        return batches[0]
    longest = max(batch.values.shape[1] for batch in batches)
    values = [_padded(batch.values, longest) for batch in batches]
    return Padded(torch.cat(values), torch.cat([batch.lengths for batch in batches]))


def _padded(values: Tensor, width: int) -> Tensor:
    missing = width - values.shape[1]
    if not missing:
        return values
    return functional.pad(values, (*[0, 0] * (values.ndim - 2), 0, missing))


def bucket(longest: int, most: int) -> int:
    """The width of a static batch whose longest item has `longest` valid rows, in a split where
    none has more than `most`. Widths are few enough to compile or capture a graph for each.
    """
    return min(round_up(longest, BUCKET), max(longest, most))


def widen(rows: np.ndarray, width: int) -> np.ndarray:
    """Rows [B, n] padded with zeros to [B, width]."""
    return np.pad(rows, ((0, 0), (0, width - rows.shape[1])))


def to_device(array: np.ndarray, device: torch.device) -> Tensor:
    """A host array on the device, without making the host wait."""
    tensor = torch.from_numpy(np.ascontiguousarray(array))
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor


def half(values: np.ndarray) -> Tensor:
    """Features as fp16 on the host.

    Raises:
        DataError: one is too large.
    """
    wide = torch.from_numpy(np.require(values, requirements=("C", "W")))  # a memory map is read
    if wide.dtype != torch.float16 and wide.numel():
        largest = max(abs(float(end)) for end in wide.aminmax())
        if largest > torch.finfo(torch.float16).max:
            raise DataError(
                f"the data hold a feature of size {largest:g}, which half precision cannot hold "
                "(65504 at most), and features lie on CUDA devices in it: scale them, or use "
                "--device cpu"
            )
    return wide.half()
