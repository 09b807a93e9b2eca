"""Embeddings for ranking: checked once, then read by blocks, never copied whole."""

from __future__ import annotations

import functools
import hashlib
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from vsebench.plugin.errors import DataError

if TYPE_CHECKING:
    from torch import Tensor

_AT_A_TIME = 256  # rows read by a pass over all of them

LARGEST_NORM = 1e18
"""Largest norm of a row: products of two such norms are far from overflow in fp32."""


@dataclass(frozen=True, eq=False)
class Rows:
    """The embeddings of one side.

    Attributes:
        values: [n, D] as given.
        norms: float64 [n], upper bounds of the rows' Euclidean norms.
        device: where blocks are put.
    """

    values: Tensor
    norms: Tensor
    device: torch.device

    @classmethod
    def checked(
        cls, side: str, values: Tensor | np.ndarray, device: torch.device | None = None
    ) -> Rows:
        """Reads every value once; `side` names the embeddings in errors, `device` is by default
        their own.

        Raises:
            DataError: not a floating-point matrix, of width 0, or with a row that is not finite or
                too large.
        """
        tensor = as_tensor(side, values)
        if tensor.ndim != 2 or tensor.shape[1] == 0:
            raise DataError(
                f"{side} embeddings must be a matrix [items, dimensions], found shape "
                f"{tuple(tensor.shape)}"
            )
        device = device or tensor.device
        return cls(tensor, _checked_norms(side, tensor, device), device)

    def __len__(self) -> int:
        return len(self.values)

    @property
    def width(self) -> int:
        """The embedding size D."""
        return self.values.shape[1]

    def block(self, part: slice, dtype: torch.dtype = torch.float32) -> Tensor:
        """Consecutive rows, rounded to `dtype`; no copy where they are of it already."""
        return self.values[part].to(self.device, dtype)

    def take(self, index: Tensor) -> Tensor:
        """The rows at `index`, not rounded: in fp32 or, where the embeddings are float64, in
        float64.
        """
        return _widened(self.values.index_select(0, index.to(self.values.device))).to(self.device)

    def select(self, index: Tensor) -> Rows:
        """The rows at `index`, copied, as embeddings of their own."""
        return Rows(self.take(index), self.norms[index], self.device)

    @functools.cached_property
    def lost_in_bf16(self) -> Tensor:
        """float64 [n], upper bounds of the norms of each row's error of rounding to bf16."""
        lost = torch.empty_like(self.norms)
        for start in range(0, len(self), _AT_A_TIME):
            part = slice(start, start + _AT_A_TIME)
            # The difference is exact, or in float64 nearly so.
            rest = _widened(self.values[part].to(self.device)) - self.block(part, torch.bfloat16)
            lost[part] = torch.linalg.vector_norm(rest, dim=1, dtype=torch.float64)
        return lost * (1 + 1e-10)

    @functools.cached_property
    def identity(self) -> Tensor:
        """int64 [n]: rows that are equal to the last bit, and only they, share a number (by 128-bit
        digests).
        """
        digests = bytearray()
        for start in range(0, len(self), _AT_A_TIME):
            for row in _widened(self.values[start : start + _AT_A_TIME]).cpu().contiguous().numpy():
                digests += hashlib.blake2b(row.data, digest_size=16).digest()
        numbers = np.unique(
            np.frombuffer(digests, dtype=np.int64).reshape(-1, 2), axis=0, return_inverse=True
        )[1]
        return torch.from_numpy(numbers.reshape(-1)).to(self.device)

    def distinct(self, part: slice) -> tuple[Tensor, Tensor]:
        """Indices of the distinct rows of a part, int64 [k], and which of the k each row equals,
        int64.
        """
        numbers, which = torch.unique(self.identity[part], return_inverse=True)
        first = torch.empty_like(numbers)
        # Any of several equal rows will do
        first[which] = torch.arange(part.start, part.stop, device=first.device)
        return first, which


def _widened(rows: Tensor) -> Tensor:
    return rows.to(torch.promote_types(rows.dtype, torch.float32))


def _checked_norms(side: str, values: Tensor, device: torch.device) -> Tensor:
    norms = torch.empty(len(values), dtype=torch.float64, device=device)
    for start in range(0, len(values), _AT_A_TIME):
        block = values[start : start + _AT_A_TIME].to(device)
        norms[start : start + _AT_A_TIME] = torch.linalg.vector_norm(
            block, dim=1, dtype=torch.float64
        )
    if len(bad := (~(norms <= LARGEST_NORM)).nonzero()):
        row = int(bad[0])
        if not bool(values[row].isfinite().all()):
            raise DataError(
                f"{side} embeddings: row {row} holds values that are not finite ({len(bad)} such "
                "rows): the model may have diverged"
            )
        raise DataError(
            f"{side} embeddings: row {row} has norm {float(norms[row]):.1e}, more than "
            f"{LARGEST_NORM:.0e}: normalise the embeddings"
        )
    return norms * (1 + 1e-10)


def as_tensor(side: str, values: Tensor | np.ndarray) -> Tensor:
    """A tensor over the same memory, where its layout allows it; `side` names the embeddings in
    errors.

    Raises:
        DataError: not floating-point numbers, or not all of them there.
    """
    if isinstance(values, torch.Tensor):
        if not values.is_floating_point():
            raise DataError(
                f"{side} embeddings must be floating-point numbers, found {values.dtype}"
            )
        if values.layout != torch.strided or values.device.type == "meta":
            raise DataError(f"{side} embeddings must be a dense tensor that holds its values")
        return values.detach()
    array = np.asarray(values)
    if array.dtype.kind != "f" or array.dtype.itemsize > 8:
        raise DataError(
            f"{side} embeddings must be floating-point numbers of at most 64 bits, found "
            f"{array.dtype}"
        )
    array = array.astype(array.dtype.newbyteorder("="), copy=False)
    with warnings.catch_warnings():
        # It is only read
        warnings.filterwarnings("ignore", "The given NumPy array is not writable")
        return torch.from_numpy(array if min(array.strides, default=0) >= 0 else array.copy())
