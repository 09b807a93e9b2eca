"""The random batch plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    from vsebench.plugin import Key


class Random:
    """`random`: a fresh uniform permutation each epoch."""

    def plan(
        self,
        epoch: int,
        n: int,
        embeddings: tuple[np.ndarray, np.ndarray] | None,  # noqa: ARG002  # needs none
        key: Key,
    ) -> np.ndarray:
        """A permutation of 0..n-1, int64 [n], drawn from `key / epoch`."""
        return (key / epoch).generator().permutation(n)
