"""What stands in the small files beside the tables, and what the manifest says of them."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import numpy as np

from vsebench.data.image_ids import IDS, MAPPING
from vsebench.data.prepare.splits import CAPTIONS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from vsebench.data.prepare.source import Rows
    from vsebench.data.prepare.splits import Split


def small_files(splits: Sequence[Split], rows: Mapping[str, Rows]) -> dict[str, bytes]:
    """Captions, ids, file names and lengths, as far as they are known: the content of each file by
    its name.
    """
    files = {}
    images = [image for split in splits for image in split.images]
    for split in splits:
        files[f"{split.stem}_caps.txt"] = _lines(split.captions)
        if all(image.id for image in images):
            files[f"{split.stem}_{IDS}"] = _lines([image.id for image in split.images])
        if split.stem in rows and rows[split.stem].ragged:
            files[f"{split.stem}_lengths.npy"] = _npy(rows[split.stem].lengths)
    if all(image.path for image in images):
        files[MAPPING] = json.dumps({image.id: image.path for image in images}, indent=0).encode()
    return files


def about(images: int, rows: Rows | None) -> dict[str, Any]:
    """What the manifest says of a split."""
    counts = {"images": images, "captions": images * CAPTIONS}
    if rows is None:
        return counts
    return counts | {
        "shape": list(rows.shape),
        "shortest": int(rows.lengths.min()),
        "longest": int(rows.lengths.max()),
    }


def precision(dtype: np.dtype, largest: float) -> dict[str, Any]:
    """How far a stored value may be from the one that was read, when that had more digits: half a
    unit in the last place of the largest.
    """
    step = float(np.spacing(dtype.type(largest)))
    return {
        "dtype": dtype.name,
        "largest": largest,
        "relative_error": float(np.finfo(dtype).eps) / 2,
        "largest_error": step / 2,
    }


def _lines(lines: list[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()


def _npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()
