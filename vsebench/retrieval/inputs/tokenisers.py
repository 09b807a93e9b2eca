"""Which tokeniser a run's text encoder reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vsebench.data.vocabulary import Vocabulary
from vsebench.plugin import SpecError, TextEncoderCard

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vsebench.plugin import Tokeniser
    from vsebench.plugin.registry import Registry
    from vsebench.results.spec import RunSpec


def tokeniser_of(spec: RunSpec, registry: Registry, captions: Sequence[str]) -> Tokeniser:
    """The tokeniser that the encoder brings, else the words of the training captions.

    Args:
        spec: the run.
        registry: has its encoder.
        captions: the training captions.

    Raises:
        VsebenchError: the encoder's tokeniser cannot be made, or cannot hide words that the
            protocol wants augmented.
    """
    component, protocol = registry.get("text-encoder", spec.text_encoder.name), spec.protocol
    if not isinstance(component.card, TextEncoderCard) or not component.card.tokeniser:
        return Vocabulary.build(
            captions, protocol.min_word_count, ends_are_words=protocol.augment_ends
        )
    tokeniser: Tokeniser = component.call(component.card.tokeniser, spec.text_encoder.params)
    if protocol.augment_words and tokeniser.mask is None:
        raise SpecError(
            f"the tokeniser of '{spec.text_encoder.spec}' has no mask token, so that words cannot "
            "be augmented: write --set augment_words=0"
        )
    return tokeniser
