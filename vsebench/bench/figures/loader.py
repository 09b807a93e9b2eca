"""Batches of region features out of a memory map, size augmentation applied. The floor copies as
many bytes.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch

from vsebench.bench.figure import Figure, Work
from vsebench.bench.figures.made import REGIONS
from vsebench.bench.references.retrieval import load
from vsebench.retrieval.inputs.augment import compact, keep_features
from vsebench.retrieval.inputs.splits import ImageFeatures

if TYPE_CHECKING:
    from vsebench.bench.figure import Setting


def work(dtype: str, setting: Setting) -> Work:
    """128 of 1,000 images of 36 × 2,048 at full size."""
    images, size, dim = setting.pick(tiny=(20, 4, 8), quick=(300, 64, 512), full=(1000, 128, 2048))
    rng = np.random.default_rng(0)
    path = setting.folder / "ims.npy"
    np.save(path, rng.standard_normal((images, REGIONS, dim), dtype=np.float32).astype(dtype))
    features = np.load(path, mmap_mode="r")
    table = ImageFeatures(features, np.full(images, REGIONS), setting.device)
    batch = rng.integers(0, images, size)
    kept = keep_features(np.full(size, REGIONS), REGIONS, 0.2, "region", rng)
    positions, lengths = compact(kept)
    rows = [np.flatnonzero(row) for row in kept]
    block = np.empty((size, positions.shape[1], dim), np.float32)

    def plain() -> torch.Tensor:
        return torch.from_numpy(load(features, batch, rows)).to(setting.device)

    def agree() -> None:
        ours, theirs = table.gather(batch, positions), plain()
        for i, length in enumerate(lengths.tolist()):
            tolerance = 0.0 if setting.device.type == "cpu" else 1e-2  # fp16 on other devices
            torch.testing.assert_close(
                ours[i, :length], theirs[i, :length], rtol=tolerance, atol=tolerance
            )

    return Work(
        ours=lambda: table.gather(batch, positions),
        reference=plain,
        floor=lambda: torch.from_numpy(block.copy()).to(setting.device),
        agree=agree,
        amount=size,
        unit="images",
    )


FIGURES = tuple(
    Figure(
        f"loader/{dtype} regions",
        partial(work, dtype),
        reference="image by image, then stacked",
        floor="a copy of the batch",
    )
    for dtype in ("float32", "float16")
)
