"""The arrays of a pack: those that runs have alike, by name, type and shape, are rows of tables,
since of ten thousand runs it takes longer to find each array than to unpack it.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

Place = tuple[str, int | None]
"""The name of a table and a row of it; None for all of it."""

_BYTES = 1 << 20
"""Of a table, at most, unless one array has more: readers unpack whole tables."""


class Tables:
    """Tables that arrays are added to."""

    def __init__(self) -> None:
        self._rows: dict[str, list[NDArray[Any]]] = {}
        self._open: dict[tuple[str, str, tuple[int, ...]], str] = {}
        self._counts: Counter[str] = Counter()
        self._places: dict[tuple[str, str, tuple[int, ...], bytes], Place] = {}

    def place(self, name: str, array: NDArray[Any]) -> Place:
        """Adds an array; one that is there already keeps its place.

        Args:
            name: what tables of such arrays are called: `ranks/i2t`.
            array: its values.
        """
        kind = (name, array.dtype.str, array.shape)
        content = (*kind, hashlib.sha256(array.tobytes()).digest())
        if content not in self._places:
            self._places[content] = self._added(kind, array)
        return self._places[content]

    def taken(self) -> dict[str, NDArray[Any]]:
        """The tables by name, each [rows, …] of its arrays, which are given up."""
        return {name: _stacked(self._rows.pop(name)) for name in [*self._rows]}

    def _added(self, kind: tuple[str, str, tuple[int, ...]], array: NDArray[Any]) -> Place:
        table = self._open.get(kind)
        if table is None or (len(self._rows[table]) + 1) * array.nbytes > _BYTES:
            table = f"{kind[0]}/{self._counts[kind[0]]}"
            self._counts[kind[0]] += 1
            self._open[kind], self._rows[table] = table, []
        self._rows[table].append(array)
        return table, len(self._rows[table]) - 1


def _stacked(rows: list[NDArray[Any]]) -> NDArray[Any]:
    """As `np.stack`, which gives numbers of the other byte order ours."""
    import numpy as np

    table = np.empty((len(rows), *rows[0].shape), rows[0].dtype)
    for place, row in enumerate(rows):
        table[place] = row
    return table
