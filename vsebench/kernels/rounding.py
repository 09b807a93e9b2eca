"""Row counts that repeat: oneDNN prepares a kernel for each new shape of a product, and the shapes
of ragged batches are never the same twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch.nn import functional

if TYPE_CHECKING:
    from torch import Tensor

PACKED_ROWS = 256
"""The multiple for a product over all valid rows of a batch."""


def round_up(rows: int, multiple: int) -> int:
    """The next multiple from `rows` on."""
    return rows + -rows % multiple


def round_up_rows(rows: Tensor, multiple: int = PACKED_ROWS) -> Tensor:
    """`rows` [..., n, D] with n rounded up to a multiple; the rows added are zero."""
    return functional.pad(rows, (0, 0, 0, -rows.shape[-2] % multiple))
