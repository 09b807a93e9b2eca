"""What the arrays of a run must be to be read: of the shapes and types in which they are written,
and fitting each other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vsebench.plugin.metrics import FOLD

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray


def check_queries(arrays: Mapping[str, NDArray[Any]]) -> None:
    """Checks what a run left of its queries: ranks, or values by image.

    Args:
        arrays: arrays of one of the two files, by name; ranks and `text_to_image` are whole
            numbers, and whatever is of images or of captions has as many values.

    Raises:
        ValueError: they are not.
    """
    ranks = {"i2t", "t2i"} & arrays.keys()
    if len(ranks) == 1:
        raise ValueError(f"it has ranks '{ranks.pop()}' alone")
    lengths: dict[bool, int] = {}
    for key, values in arrays.items():
        if values.ndim != 1 or values.dtype.kind not in ("iu" if ranks else "biuf"):
            raise ValueError(f"'{key}' is {values.dtype} of shape {values.shape}")
        of_captions = bool(ranks) and key.startswith("t")
        if not len(values) or lengths.setdefault(of_captions, len(values)) != len(values):
            raise ValueError(f"'{key}' has {len(values)} values, which the others do not fit")
        if ranks and values.min() < 0:
            raise ValueError(f"'{key}' has the value {values.min()}")
    if "i2t_1k" in arrays and lengths[False] % FOLD:
        raise ValueError(f"it has {lengths[False]} images, which are no folds of {FOLD:,}")
    owners = arrays.get("text_to_image")
    if ranks and owners is not None and owners.max() >= lengths[False]:
        raise ValueError(f"'text_to_image' has the value {owners.max()}")


def check_positions(arrays: Mapping[str, NDArray[Any]]) -> None:
    """Checks weights over sorted positions: for each side float [L, N], a row for each of up to
    three lengths n, finite up to n and NaN beyond.

    Raises:
        ValueError: they are not.
    """
    import numpy as np

    for key, table in arrays.items():
        if table.ndim != 2 or table.dtype.kind != "f" or not 1 <= len(table) <= 3:
            raise ValueError(f"'{key}' is {table.dtype} of shape {table.shape}")
        if not table.size or np.isnan(table[:, 0]).any() or np.isinf(table).any():
            raise ValueError(f"'{key}' has weights that are not finite")


def check_retrieved(arrays: Mapping[str, NDArray[Any]]) -> None:
    """Checks what was retrieved: by direction some queries, whole numbers [q], and with `_top`
    added the items at the top of the ranking of each [q, k].

    Raises:
        ValueError: it is something else.
    """
    for key in [key for key in arrays if not key.endswith("_top")]:
        queries, top = arrays[key], arrays.get(f"{key}_top")
        if top is None:
            raise ValueError(f"it has no '{key}_top'")
        if not len(queries) and not len(top):
            continue
        whole = queries.dtype.kind in "iu" and top.dtype.kind in "iu"
        if not whole or queries.ndim != 1 or top.ndim != 2 or len(top) != len(queries):
            raise ValueError(
                f"'{key}' is {queries.dtype} of shape {queries.shape}, '{key}_top' {top.dtype} of "
                f"shape {top.shape}"
            )
