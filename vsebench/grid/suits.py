"""Whether a run fits together before it starts: images that their encoder takes, features that can
be kept, and captions for a batch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vsebench.plugin import DataError, EncoderCard, ImageEncoderCard, ImageSource, SpecError
from vsebench.plugin.cards import claimed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vsebench.plugin import RetrievalData
    from vsebench.plugin.registry import Registry
    from vsebench.results.protocol import Protocol
    from vsebench.results.spec import ComponentRef


def check_images(
    dataset: ComponentRef, data: RetrievalData, encoder: ComponentRef, registry: Registry
) -> None:
    """Checks it before anything is run.

    Raises:
        SpecError: the encoder takes raw images and the data set has features, or the reverse.
    """
    card = registry.get("image-encoder", encoder.name).card
    wanted = isinstance(card, ImageEncoderCard) and card.raw_images
    given = any(isinstance(split.features, ImageSource) for split in data.splits.values())
    if given and not wanted:
        raise SpecError(
            f"data set '{dataset.spec}' has raw images, image encoder '{encoder.spec}' takes "
            "features: write --set image_encoder=backbone:model=MODEL, or make features of them "
            "with 'vsebench data extract'"
        )
    if wanted and not given:
        raise SpecError(
            f"image encoder '{encoder.spec}' takes raw images, data set '{dataset.spec}' has "
            f"features: name its images with {dataset.name}:images=PATH, or write --set "
            "image_encoder=grid"
        )


def check_frozen(
    protocol: Protocol, encoders: Mapping[str, ComponentRef], registry: Registry
) -> None:
    """Checks that what the protocol wants kept can be.

    Args:
        protocol: may ask for frozen features that are kept.
        encoders: encoders by kind.
        registry: registry that has their cards.

    Raises:
        SpecError: no encoder is frozen, or images are cropped or mirrored at random.
    """
    if protocol.frozen_features != "kept":
        return
    cards = {
        kind: card
        for kind, encoder in encoders.items()
        if isinstance(card := registry.get(kind, encoder.name).card, EncoderCard)
        and claimed(card.frozen, encoder.params)
    }
    if not cards:
        named = " nor ".join(f"'{encoder.spec}'" for encoder in encoders.values())
        raise SpecError(
            f"protocol key 'frozen_features': neither {named} is a frozen encoder whose features "
            "could be kept: freeze one, such as --set text_encoder=bert:frozen=true, or leave the "
            "key out"
        )
    if "image-encoder" in cards and (protocol.image_crop < 1 or protocol.image_flip > 0):
        raise SpecError(
            "protocol key 'frozen_features': features of images are kept of whole images: write "
            "--set image_crop=1 --set image_flip=0 too"
        )


def check_batch(dataset: ComponentRef, data: RetrievalData, protocol: Protocol) -> None:
    """Checks that an epoch has a step: that the training split fills a batch, where a partial one
    is dropped.

    Raises:
        DataError: it does not.
    """
    found, size = len(data.splits["train"].captions), protocol.batch_size
    if protocol.last_batch == "drop" and found < size:
        raise DataError(
            f"{dataset.spec} has {found} training captions, fewer than one batch of {size}: lower "
            "it with --set batch_size=N"
        )
