"""Everything that a run reads, opened once: tables of the three splits, the vocabulary and who
belongs to whom.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from vsebench.data.open import open_dataset
from vsebench.plugin import DataError, DatasetCard, ImageSource, RetrievalData
from vsebench.retrieval.inputs.raw_images import RawImages, decoding_threads
from vsebench.retrieval.inputs.tables import ImageTable, TextTable
from vsebench.retrieval.inputs.tokenisers import tokeniser_of

if TYPE_CHECKING:
    import numpy as np
    import torch

    from vsebench.plugin import RetrievalSplit, Tokeniser
    from vsebench.plugin.cards import FeatureKind
    from vsebench.plugin.registry import Registry
    from vsebench.results.spec import RunSpec


@dataclass(frozen=True)
class SplitInputs:
    """One split: image features or raw images, tokenised captions, and the image of each
    caption.
    """

    images: ImageTable | RawImages
    texts: TextTable
    text_to_image: np.ndarray


@dataclass(frozen=True)
class Inputs:
    """The data of a run.

    Attributes:
        train: the training split.
        dev: chooses the best model.
        test: is evaluated once.
        tokeniser: of the captions.
        feature_kind: what a local feature is.
    """

    train: SplitInputs
    dev: SplitInputs
    test: SplitInputs
    tokeniser: Tokeniser
    feature_kind: FeatureKind


def open_inputs(spec: RunSpec, registry: Registry, device: torch.device) -> Inputs:
    """Opens the data set of a run.

    Raises:
        DataError: it cannot be opened.
    """
    component = registry.get("dataset", spec.dataset.name)
    opened = open_dataset(
        component, spec.dataset.params, data_roots=(), path=Path(spec.environment.data_path)
    )
    data = opened.data
    if not isinstance(data, RetrievalData):
        raise DataError(
            f"{spec.dataset.spec} is not an image–caption set: its card names another task than "
            "it serves"
        )
    splits = data.splits
    decoders = decoding_threads(device, spec.protocol.threads, spec.environment.concurrency)
    tokeniser = tokeniser_of(spec, registry, splits["train"].captions)
    train, dev, test = (
        _tables(splits[name], tokeniser, device, decoders) for name in ("train", "dev", "test")
    )
    return Inputs(
        train,
        dev,
        test,
        tokeniser,
        data.feature_kind or cast("DatasetCard", component.card).feature_kind,
    )


def _tables(
    split: RetrievalSplit, tokeniser: Tokeniser, device: torch.device, decoders: int
) -> SplitInputs:
    features = split.features
    images = (
        RawImages(features, device, decoders)
        if isinstance(features, ImageSource)
        else ImageTable(features, split.lengths, device)
    )
    return SplitInputs(images, TextTable(tokeniser.encode(split.captions)), split.text_to_image)
