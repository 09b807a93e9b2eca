"""Features of raw images by a pretrained model, written to a feature table for later runs."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from vsebench.data.feature_table import open_table, read_about, writing
from vsebench.data.fingerprint import fingerprint_files
from vsebench.data.images.decode import usable_cores, verify_images
from vsebench.data.images.store import open_images
from vsebench.kernels.devices import cpu_threads
from vsebench.kernels.gemm import true_float32
from vsebench.plugin import DataError
from vsebench.retrieval.encoders.pretrained import model_files
from vsebench.retrieval.encoders.vision import VisionModel
from vsebench.retrieval.inputs.splits import RawImages

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from vsebench.data.feature_table import FeatureTable
    from vsebench.data.images import ImageFolder, ImageTar

    Report = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Extraction:
    """A request for features of images.

    Attributes:
        images: a folder or an uncompressed tar file.
        model: a folder, or a name on the Hugging Face hub.
        out: the feature table to write, a folder.
        size: side of the images in pixels; 0 for the one that the model was trained with.
        batch: images computed at a time.
        device: device to compute on, `cpu` or `cuda`.
        threads: torch threads on the CPU; like the batch, they can change the last bit of a
            feature.
    """

    images: Path
    model: str
    out: Path
    size: int = 0
    batch: int = 32
    device: str = "cpu"
    threads: int = 1


def extract(wanted: Extraction, report: Report) -> tuple[FeatureTable, dict[str, Any]]:
    """Writes the table, resumes it where a killed command stopped, or finds it done. Memory
    does not grow with the number of images.

    Every image is decoded once before the first is computed, so that a damaged one is named at
    once.

    Args:
        wanted: the requested features.
        report: receives the phase, the number of images done in it, and their total.

    Returns:
        The table and its description.

    Raises:
        VsebenchError: the images or the model cannot be used, or something else is at `out`.
    """
    store = open_images(wanted.images)
    content = verify_images(store, lambda done, total: report("verified", done, total))
    device = torch.device(wanted.device)
    with (
        cpu_threads(wanted.threads),
        true_float32(fast=device.type == "cpu"),
        torch.inference_mode(),
    ):
        model = VisionModel(wanted.model, wanted.size).eval().to(device)
        about = _about(wanted, model, store, content)
        if wanted.out.exists():
            return _done(wanted.out, about), about
        shape = (len(store), model.local_features, model.width)
        with writing(wanted.out, store.names, shape, about, wanted.batch) as table:
            images = RawImages(store, device, usable_cores())
            starts = range(table.done, len(store), wanted.batch)
            batches = (
                (np.arange(start, min(start + wanted.batch, len(store))), None) for start in starts
            )
            report("extracted", table.done, len(store))
            for pixels in images.batches(images.loader(model.image_size), batches):
                rows = range(table.done, table.done + len(pixels))
                table.append(half(model(pixels), rows, lambda row: f"image {store.where(row)}"))
                report("extracted", table.done, len(store))
    return open_table(wanted.out), about


def half(
    features: torch.Tensor, items: Sequence[int] | np.ndarray, where: Callable[[int], str]
) -> np.ndarray:
    """Features [B, …] as float16 on the host.

    Args:
        features: features of items, one a row.
        items: the item of each row.
        where: name of an item in errors.

    Raises:
        DataError: one is not finite in float16.
    """
    rounded = features.to(torch.float16)
    finite = rounded.isfinite().flatten(1).all(1)
    if not finite.all():
        bad = int(finite.int().argmin())
        largest = float(features[bad].abs().max())
        raise DataError(
            f"the model gives {where(int(items[bad]))} a feature of {largest:g}, which float16 "
            "cannot hold (65504 at most)"
        )
    return rounded.cpu().numpy()


def _about(
    wanted: Extraction, model: VisionModel, store: ImageFolder | ImageTar, content: str
) -> dict[str, Any]:
    """Everything that decides the bytes of the table."""
    files = model_files(wanted.model)
    names = hashlib.sha256("\n".join(store.names).encode()).hexdigest()
    return {
        "format": 1,
        "model": Path(wanted.model).name if Path(wanted.model).is_dir() else wanted.model,
        "model_sha256": fingerprint_files(files[0].parent, files),
        "images": len(store),
        "images_sha256": content,
        "names_sha256": names,
        "size": model.image_size,
        "local_features": model.local_features,
        "width": model.width,
        "mean": model.mean.flatten().tolist(),
        "std": model.std.flatten().tolist(),
        "batch": wanted.batch,
        "device": wanted.device,
        "threads": wanted.threads,
        "libraries": {name: version(name) for name in ("torch", "transformers", "pillow")},
    }


def _done(out: Path, about: dict[str, Any]) -> FeatureTable:
    """The table that exists already, if it is the requested one."""
    known = read_about(out)
    if known is None:
        raise DataError(f"{out} exists and is no feature table: choose another --out")
    if known != about:
        changed = ", ".join(
            sorted(key for key in {*known, *about} if known.get(key) != about.get(key))
        )
        raise DataError(
            f"{out} is another feature table (it differs in {changed}): choose another --out, or "
            "delete it"
        )
    return open_table(out)
