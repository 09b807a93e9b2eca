"""The promises that image and text encoders share, on inputs that each kind makes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from vsebench.plugin import EncoderCard, LocalFeatures, VsebenchError
from vsebench.plugin.cards import claimed
from vsebench.testing.check import NotCheckedError
from vsebench.testing.subject import DIM
from vsebench.testing.trial import Trial

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from vsebench.testing.subject import Subject


@dataclass(frozen=True)
class Batch:
    """A padded batch for an encoder.

    Attributes:
        values: what it reads, [B, N, …].
        lengths: int64 [B].
        words: how an input is described.
        context: context with which the encoder is created.
        source: Python that makes values and lengths.
    """

    values: Tensor
    lengths: Tensor
    words: str
    context: Mapping[str, int]
    source: str


def trial(subject: Subject, batch: Batch) -> Trial:
    lengths = ", ".join(map(str, batch.lengths.tolist()))
    return Trial(
        f"{batch.words} of lengths {lengths}",
        f"from vsebench.testing import build; {batch.source}; "
        f"{subject.source(**batch.context)}(*inputs)",
    )


def create(subject: Subject, batch: Batch, seed: int = 0) -> Any:
    """The encoder in evaluation mode.

    Raises:
        NotCheckedError: it needs something that its spec does not name, such as a pretrained model.
    """
    try:
        return subject.build(seed=seed, **batch.context)
    except VsebenchError as error:
        raise NotCheckedError(f"it cannot be made like this: {error}") from error


def encode(encoder: Any, values: Tensor, lengths: Tensor) -> LocalFeatures:
    """Its local features and their lengths."""
    output = encoder(values, lengths)
    return output if isinstance(output, LocalFeatures) else LocalFeatures(output, lengths)


def valid(features: LocalFeatures, item: int) -> Tensor:
    """The valid local features of an item, [n, D]."""
    return features.values[item, : int(features.lengths[item])]


def gives_local_features(subject: Subject, batch: Batch) -> None:
    with trial(subject, batch) as case:
        features = encode(create(subject, batch), batch.values, batch.lengths)
        shape = tuple(features.values.shape)
        right = len(shape) == 3 and shape[0] == len(batch.lengths) and shape[2] == DIM
        case.require(
            right,
            "its features have the wrong shape",
            expected=f"[{len(batch.lengths)}, N, {DIM}]",
            found=str(list(shape)),
        )
        inside = bool(((features.lengths >= 1) & (features.lengths <= shape[1])).all())
        case.require(
            inside,
            "its lengths are not those of its features",
            expected=f"1 to {shape[1]}",
            found=str(features.lengths.tolist()),
        )
        for item in range(shape[0]):
            case.finite(valid(features, item), f"features of item {item} are not finite")


def never_reads_padding(subject: Subject, batch: Batch, other: Batch) -> None:
    """`other` differs from `batch` in its padding only."""
    with torch.no_grad(), trial(subject, batch) as case:
        encoder = create(subject, batch)
        one, two = (encode(encoder, each.values, each.lengths) for each in (batch, other))
        for item in range(len(batch.lengths)):
            what = "padding changes the features of an item"
            case.close(
                valid(two, item),
                valid(one, item),
                what,
                expected=f"item {item} as with other padding",
                rtol=1e-5,
                atol=1e-5,
            )


def items_are_independent(subject: Subject, batch: Batch) -> None:
    with torch.no_grad(), trial(subject, batch) as case:
        encoder = create(subject, batch)
        together = encode(encoder, batch.values, batch.lengths)
        for item in range(len(batch.lengths)):
            alone = encode(encoder, batch.values[item : item + 1], batch.lengths[item : item + 1])
            what = "in evaluation mode, an item depends on the rest of its batch"
            case.close(
                valid(together, item),
                valid(alone, 0),
                what,
                expected=f"item {item} as alone",
                rtol=1e-4,
                atol=1e-5,
            )


def state_is_in_state_dict(subject: Subject, batch: Batch) -> None:
    with torch.no_grad(), trial(subject, batch) as case:
        encoder, other = create(subject, batch), create(subject, batch, seed=1)
        other.load_state_dict(encoder.state_dict())
        found, wanted = (encode(each, batch.values, batch.lengths) for each in (other, encoder))
        for item in range(len(batch.lengths)):
            what = "a state dict does not hold all of its state"
            case.close(
                valid(found, item),
                valid(wanted, item),
                what,
                expected="the same bits after load_state_dict",
            )


def features_can_be_kept(subject: Subject, batch: Batch) -> None:
    card = subject.component.card
    if not isinstance(card, EncoderCard) or not claimed(card.frozen, subject.params):
        return
    with torch.no_grad(), trial(subject, batch) as case:
        encoder = create(subject, batch)
        given = encode(encoder, batch.values, batch.lengths)
        for item, length in enumerate(batch.lengths.tolist()):
            features = encoder.features(
                batch.values[item : item + 1, :length], batch.lengths[item : item + 1]
            )
            shape = (1, length, encoder.width)
            case.require(
                tuple(features.shape) == shape,
                "its frozen features have the wrong shape",
                expected=f"{list(shape)} of item {item}, as it says its width",
                found=str(list(features.shape)),
            )
            case.close(
                encoder.head(features)[0],
                valid(given, item),
                "its head makes something else of its features than it gives",
                expected=f"item {item} as the encoder gives it",
                rtol=1e-4,
                atol=1e-5,
            )
