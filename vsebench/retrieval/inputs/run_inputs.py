"""Everything that a run reads, opened once: its three splits, its tokeniser (the encoder's own, or
the words of the training captions) and the image of each caption.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

from vsebench.data.open import reopen_dataset
from vsebench.data.vocabulary import Vocabulary
from vsebench.plugin import (
    DataError,
    DatasetCard,
    EncoderCard,
    ImageEncoderCard,
    ImageSource,
    RetrievalData,
    SpecError,
    TextEncoderCard,
)
from vsebench.plugin.cards import claimed
from vsebench.retrieval.inputs.held_out import SECOND, splits_of
from vsebench.retrieval.inputs.splits import (
    Captions,
    CaptionStates,
    ImageFeatures,
    RawImages,
    decoding_threads,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy as np
    import torch

    from vsebench.plugin import RetrievalSplit, Tokeniser
    from vsebench.plugin.cards import FeatureKind
    from vsebench.plugin.registry import Registry
    from vsebench.results.components import ComponentRef
    from vsebench.results.protocol import Protocol
    from vsebench.results.spec import RunSpec


def takes_raw_images(encoder: ComponentRef, registry: Registry) -> bool:
    """Whether an image encoder reads raw images instead of features."""
    card = registry.get("image-encoder", encoder.name).card
    return isinstance(card, ImageEncoderCard) and card.raw_images


def reads_words(encoder: ComponentRef, registry: Registry) -> bool:
    """Whether a text encoder brings no tokeniser, and reads the words of the training captions."""
    card = registry.get("text-encoder", encoder.name).card
    return not isinstance(card, TextEncoderCard) or not card.tokeniser


def keeps_features(
    protocol: Protocol, kind: str, encoder: ComponentRef, registry: Registry
) -> bool:
    """Whether a run reads kept features of a frozen encoder in place of what the encoder reads."""
    card = registry.get(kind, encoder.name).card
    return (
        protocol.frozen_features == "kept"
        and isinstance(card, EncoderCard)
        and claimed(card.frozen, encoder.params)
    )


def own_tokeniser(encoder: ComponentRef, registry: Registry) -> Tokeniser | None:
    """The tokeniser that a text encoder brings; None of one that reads words.

    Raises:
        VsebenchError: it cannot be made.
    """
    component = registry.get("text-encoder", encoder.name)
    if not isinstance(component.card, TextEncoderCard) or not component.card.tokeniser:
        return None
    tokeniser: Tokeniser = component.call(component.card.tokeniser, encoder.params)
    return tokeniser


def tokeniser_of(spec: RunSpec, registry: Registry, captions: Sequence[str]) -> Tokeniser:
    """The tokeniser that the encoder brings, else the words of the training captions.

    Args:
        spec: the run.
        registry: registry that has its encoder.
        captions: the training captions.

    Raises:
        VsebenchError: the encoder's tokeniser cannot be made, or cannot hide words that the
            protocol wants augmented.
    """
    protocol = spec.protocol
    tokeniser = own_tokeniser(spec.text_encoder, registry)
    if tokeniser is None:
        return Vocabulary.build(
            captions, protocol.min_word_count, ends_are_words=protocol.augment_ends
        )
    hides = not keeps_features(protocol, "text-encoder", spec.text_encoder, registry)
    if protocol.augment_words and hides and tokeniser.mask is None:
        raise SpecError(
            f"the tokeniser of '{spec.text_encoder.spec}' has no mask token, so that words cannot "
            "be augmented: write --set augment_words=0"
        )
    return tokeniser


@dataclass(frozen=True)
class SplitInputs:
    """One split: image features or raw images, tokenised captions or a frozen encoder's states of
    them, and the image of each caption, int64 [m].
    """

    images: ImageFeatures | RawImages
    texts: Captions | CaptionStates
    text_to_image: np.ndarray


@dataclass(frozen=True)
class Inputs:
    """The data of a run.

    Attributes:
        train: the training split.
        dev: chooses the best model.
        test: test split, which is evaluated once.
        second: split that is counted beside it; None where there is none.
        tokeniser: tokeniser of the captions.
        feature_kind: kind of the local features.
        in_dim: size of the image encoder's input: of a feature, or the channels of a pixel.
        warnings: remarks on the captions that tables must show.
    """

    train: SplitInputs
    dev: SplitInputs
    test: SplitInputs
    tokeniser: Tokeniser
    feature_kind: FeatureKind
    in_dim: int
    second: SplitInputs | None = None
    warnings: tuple[str, ...] = ()

    @property
    def galleries(self) -> tuple[SplitInputs, ...]:
        """The splits that the finished run is evaluated on, test first."""
        return (self.test,) if self.second is None else (self.test, self.second)

    def changed(self, change: Callable[[SplitInputs, str], SplitInputs]) -> Inputs:
        """The same with every split changed, given it and its name."""
        return replace(
            self,
            train=change(self.train, "train"),
            dev=change(self.dev, "dev"),
            test=change(self.test, "test"),
            second=None if self.second is None else change(self.second, SECOND),
        )


def open_inputs(spec: RunSpec, registry: Registry, device: torch.device) -> Inputs:
    """Opens the data set of a run.

    Raises:
        DataError: it cannot be opened.
    """
    opened, component = reopen_dataset(
        registry,
        spec.dataset.name,
        spec.dataset.params,
        Path(spec.environment.data_path),
        spec.data_fingerprint,
    )
    data = opened.data
    if not isinstance(data, RetrievalData):
        raise DataError(
            f"{spec.dataset.spec} is not an image–caption set: its card names another task than "
            "it serves"
        )
    splits = splits_of(data, spec.protocol)
    decoders = decoding_threads(
        device, spec.protocol.threads, spec.environment.concurrency * spec.devices
    )
    tokeniser = tokeniser_of(spec, registry, splits["train"].captions)
    read = {
        name: split_inputs(split, tokeniser, device, decoders) for name, split in splits.items()
    }
    return Inputs(
        read["train"],
        read["dev"],
        read["test"],
        tokeniser,
        data.feature_kind or cast("DatasetCard", component.card).feature_kind,
        read["train"].images.dim,
        read.get(SECOND),
        tuple(_cut(spec.text_encoder.name, [split.texts for split in read.values()])),
    )


def _cut(encoder: str, splits: Sequence[Captions | CaptionStates]) -> Iterator[str]:
    """A note of how many captions a pretrained tokeniser cut, if it cut any."""
    texts = [texts for texts in splits if isinstance(texts, Captions)]
    if cut := sum(each.cut for each in texts):
        longest = max(int(each.lengths.max(initial=0)) for each in texts)
        yield (
            f"{cut:,} of {sum(map(len, texts)):,} captions are longer than the {longest} tokens "
            f"that text encoder '{encoder}' takes, and were cut"
        )


def split_inputs(
    split: RetrievalSplit, tokeniser: Tokeniser, device: torch.device, decoders: int
) -> SplitInputs:
    """A split as a model reads it.

    Args:
        split: the split.
        tokeniser: tokeniser of its captions.
        device: where batches are needed.
        decoders: number of threads that decode raw images.
    """
    features = split.features
    images = (
        RawImages(features, device, decoders)
        if isinstance(features, ImageSource)
        else ImageFeatures(features, split.lengths, device)
    )
    return SplitInputs(images, Captions(tokeniser.encode(split.captions)), split.text_to_image)
