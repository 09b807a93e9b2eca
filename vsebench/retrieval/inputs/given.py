"""Images given by a Python program, checked and converted to the input of an image encoder."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vsebench.data.images.store import GivenImages
from vsebench.plugin import DataError, ImageSource
from vsebench.plugin.datasets import FeatureArray


def given_images(images: object) -> ImageSource:
    """Raw images, from an `ImageSource` or a list of paths and Pillow images.

    Raises:
        DataError: they are something else.
    """
    if isinstance(images, ImageSource):
        return images
    if isinstance(images, str) or not isinstance(images, Sequence):
        raise DataError(
            f"the model reads raw images, found a {type(images).__name__}: give a list of paths or "
            "Pillow images"
        )
    return GivenImages(tuple(images))


def given_features(images: object, lengths: np.ndarray | None) -> tuple[FeatureArray, np.ndarray]:
    """Features [n, N, d] and their valid lengths, int64 [n].

    Args:
        images: such an array, or a list of arrays [N, d] whose N may differ.
        lengths: numbers of valid features; None for all.

    Raises:
        DataError: they are something else.
    """
    if isinstance(images, Sequence):
        return _joined(images, lengths)
    if not isinstance(images, FeatureArray) or len(images.shape) != 3:
        found = (
            f"shape {tuple(images.shape)}"
            if isinstance(images, FeatureArray)
            else f"a {type(images).__name__}"
        )
        raise DataError(f"the model reads features [images, features, width], found {found}")
    rows, most, _ = images.shape
    counts = np.full(rows, most, np.int64) if lengths is None else np.asarray(lengths, np.int64)
    if counts.shape != (rows,) or (rows and not 1 <= counts.min() <= counts.max() <= most):
        raise DataError(
            f"lengths must be {rows} numbers of features, 1 to {most}: found shape {counts.shape}"
            + (f", values {counts.min()} to {counts.max()}" if counts.size else "")
        )
    return images, counts


def _joined(
    images: Sequence[object], lengths: np.ndarray | None
) -> tuple[FeatureArray, np.ndarray]:
    """The features of several images as one array, padded with zeros."""
    if lengths is not None:
        raise DataError("lengths are for one array of all images: a list of arrays says its own")
    arrays = [np.asarray(image) for image in images]
    for row, array in enumerate(arrays):
        if array.dtype.kind not in "fiu":
            raise DataError(
                f"image {row} is a {type(images[row]).__name__}: the model reads features, floats "
                "[features, width] of each image"
            )
        if array.ndim != 2 or 0 in array.shape or array.dtype.kind != "f":
            raise DataError(
                f"image {row} is {array.dtype} of shape {array.shape}: the model reads features, "
                "floats [features, width] of each image"
            )
        if array.shape[1] != arrays[0].shape[1]:
            raise DataError(
                f"image {row} has features of width {array.shape[1]}, image 0 of "
                f"{arrays[0].shape[1]}: expected one width"
            )
    counts = np.array([len(array) for array in arrays], np.int64)
    width = arrays[0].shape[1] if arrays else 0
    joined = np.zeros((len(arrays), int(counts.max(initial=0)), width), np.float32)
    for row, array in enumerate(arrays):
        joined[row, : len(array)] = array
    return joined, counts
