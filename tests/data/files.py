"""Data sets by name, and small sets in the precomp layout."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from vsebench.plugin.host.loader import load_plugins

if TYPE_CHECKING:
    from pathlib import Path

    from vsebench.plugin.registry import Component


def dataset(name: str) -> Component:
    return load_plugins().registry.get("dataset", name)


def write_split(
    folder: Path, stem: str, images: int, *, copies: int = 1, captions: int = 5, seed: int = 0
) -> np.ndarray:
    """A split in the precomp layout; the features [images, 3, 4]."""
    folder.mkdir(parents=True, exist_ok=True)
    features = (
        np.random.default_rng([seed, images]).standard_normal((images, 3, 4)).astype(np.float32)
    )
    np.save(folder / f"{stem}_ims.npy", np.repeat(features, copies, axis=0))
    (folder / f"{stem}_caps.txt").write_text(
        "".join(f"a picture {i} of thing {i // captions}\n" for i in range(captions * images))
    )
    return features


def write_precomp(
    folder: Path, sizes: tuple[int, int, int] = (6, 3, 4), test: str = "test"
) -> Path:
    for stem, images in zip(("train", "dev", test), sizes, strict=True):
        write_split(folder, stem, images, copies=1 if stem == "train" else 5)
    return folder
