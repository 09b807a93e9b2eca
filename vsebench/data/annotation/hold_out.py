"""Leave-one-out: one label of each image for test, one for dev, the others for training."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from vsebench.plugin import AnnotationData, AnnotationSplit, Key, Positives

if TYPE_CHECKING:
    from collections.abc import Sequence


def leave_one_out(positives: Positives, seed: int, names: Sequence[str] = ()) -> AnnotationData:
    """Divides the labels of every image, as the paper of VSE-ens does, with one more held out for
    selection.

    Of an image with at least two labels, one drawn at random goes to test; of what remains, where
    that is at least two, one goes to dev. So every image keeps a training label. What is drawn for
    image i depends on the seed and i alone.

    Args:
        positives: all labels of n images.
        seed: seed of the draws; it belongs to the data set, not to a run.
        names: names of the labels.
    """
    train, dev, test = divide(positives, Key("hold-out", seed).generator())
    return aligned(train, dev, test, names)


def divide(
    positives: Positives, rng: np.random.Generator
) -> tuple[Positives, Positives, Positives]:
    """Train, dev and test labels of the same images."""
    uniform = rng.random((len(positives), 2))
    rest, test = hold_one_out(positives, uniform[:, 0])
    train, dev = hold_one_out(rest, uniform[:, 1])
    return train, dev, test


def hold_one_out(positives: Positives, uniform: np.ndarray) -> tuple[Positives, Positives]:
    """Takes a label from every image that has at least two.

    Args:
        positives: labels of n images.
        uniform: float64 [n] in [0, 1), which says which label.

    Returns:
        What remains and what was taken, of the same n images.
    """
    counts = positives.counts
    rich = np.flatnonzero(counts > 1)
    taken = np.zeros(positives.n_pairs, bool)
    taken[positives.offsets[rich] + (uniform[rich] * counts[rich]).astype(np.int64)] = True
    held = (counts > 1).astype(np.int64)
    return _part(positives, ~taken, counts - held), _part(positives, taken, held)


def aligned(
    train: Positives,
    dev: Positives,
    test: Positives,
    names: Sequence[str] = (),
    warnings: tuple[str, ...] = (),
) -> AnnotationData:
    """A set whose splits divide the labels of the same images."""
    splits = {
        "train": AnnotationSplit(train),
        "dev": AnnotationSplit(dev),
        "test": AnnotationSplit(test),
    }
    return AnnotationData(splits, train.n_labels, names, aligned=True, warnings=warnings)


def _part(positives: Positives, chosen: np.ndarray, counts: np.ndarray) -> Positives:
    return Positives(
        np.concatenate([[0], np.cumsum(counts)]), positives.labels[chosen], positives.n_labels
    )
