"""Everything that a run of the annotation task reads, opened once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vsebench.annotation.model import Settings, TrainingData
from vsebench.data.open import reopen_dataset
from vsebench.plugin import AnnotationData, DataError

if TYPE_CHECKING:
    from vsebench.plugin import Positives
    from vsebench.plugin.registry import Registry
    from vsebench.results.protocol import AnnotationProtocol
    from vsebench.results.spec import AnnotationSpec


@dataclass(frozen=True, eq=False)
class RankedSplit:
    """A split on which labels are ranked.

    Attributes:
        positives: the labels to find.
        known: labels of the same images that are excluded from their rankings.
        features: float32 [n, d]; None where images are known by their row.
    """

    positives: Positives
    known: Positives | None
    features: np.ndarray | None


@dataclass(frozen=True, eq=False)
class Inputs:
    """The data of a run.

    Attributes:
        training: the training split.
        splits: `dev` and `test`.
        updates_per_epoch: updates in one of the protocol's rounds.
    """

    training: TrainingData
    splits: dict[str, RankedSplit]
    updates_per_epoch: int


def open_inputs(spec: AnnotationSpec, registry: Registry) -> Inputs:
    """Opens the data set of a run.

    Raises:
        DataError: it cannot be opened, or it has no features where the protocol maps them.
    """
    opened, _ = reopen_dataset(
        registry,
        spec.dataset.name,
        spec.dataset.params,
        Path(spec.environment.data_path),
        spec.data_fingerprint,
    )
    data = opened.data
    assert isinstance(data, AnnotationData)
    linear = _linear(spec, data)
    features = {
        name: np.asarray(split.features[:], np.float32)
        if linear and split.features is not None
        else None
        for name, split in data.splits.items()
    }
    train = data.splits["train"].positives
    held_out = (
        data.splits["dev"].positives.union(data.splits["test"].positives) if data.aligned else None
    )
    splits = {
        name: RankedSplit(data.splits[name].positives, data.known(name), features[name])
        for name in ("dev", "test")
    }
    return Inputs(
        TrainingData(train, features["train"], held_out),
        splits,
        spec.protocol.round_size * len(train),
    )


def check_run(spec: AnnotationSpec, data: AnnotationData) -> None:
    """Refuses a run that could not be trained on `data`, before anything starts.

    Raises:
        DataError: the data lack the features that the protocol maps, or rows that it needs.
        SpecError: incompatible values of the protocol.
    """
    _linear(spec, data)
    settings_of(spec.protocol, updates_per_epoch=1)


def settings_of(protocol: AnnotationProtocol, updates_per_epoch: int) -> Settings:
    """The engines' settings from the protocol.

    Raises:
        SpecError: incompatible values.
    """
    return Settings(
        updates=updates_per_epoch * protocol.epochs,
        evaluate_every=max(1, updates_per_epoch // protocol.evals_per_epoch),
        engine=protocol.engine,
        optimiser=protocol.optimiser,
        dim=protocol.embed_dim,
        lr=protocol.lr,
        l2_image=protocol.l2_image,
        l2_label=protocol.l2_label,
        init=protocol.init,
        init_scale=protocol.init_scale,
        batch_size=protocol.batch_size,
        negatives=protocol.negatives,
    )


def _linear(spec: AnnotationSpec, data: AnnotationData) -> bool:
    """Whether image vectors are a map of features."""
    wanted, has = (
        spec.protocol.image_vectors,
        all(split.features is not None for split in data.splits.values()),
    )
    if wanted == "linear" and not has:
        raise DataError(f"{spec.dataset.spec} has no features to map: use --set image_vectors=free")
    if wanted == "free" and not data.aligned:
        raise DataError(
            f"{spec.dataset.spec} divides its images into splits, so that test images have no "
            "free vectors: use --set image_vectors=linear"
        )
    return wanted == "linear" or (wanted == "auto" and not data.aligned)
