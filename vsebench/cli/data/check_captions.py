"""What a data set's captions say: the same of several images, words that its vocabulary does not
know, and more than a pretrained text encoder reads.
"""

from __future__ import annotations

from functools import singledispatch
from typing import TYPE_CHECKING, Any

from vsebench.data.prepare.audit import Finding
from vsebench.plugin import RetrievalData, SpecError
from vsebench.plugin.cards import DatasetCard

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vsebench.plugin import Tokeniser
    from vsebench.plugin.registry import Component, Registry
    from vsebench.results.protocol import Protocol

MOST_UNKNOWN = 0.10
"""Share of unknown words above which a split is warned of."""


@singledispatch
def caption_findings(
    data: Any,  # noqa: ARG001  # a task without captions
    component: Component,
    encoder: str,
    registry: Registry,  # noqa: ARG001
) -> Iterator[Finding]:
    """What captions are worth knowing of, where the set has any.

    Args:
        data: the opened set.
        component: its data set, whose card names the protocol whose vocabulary is built.
        encoder: component spec of the text encoder; empty for the protocol's own.
        registry: registry that has it.

    Raises:
        VsebenchError: there are no captions for the encoder, it is not known, or its tokeniser
            cannot be made.
    """
    if encoder:
        raise SpecError(
            f"data set '{component.name}' has no captions that a text encoder would read: leave "
            "--text-encoder out"
        )
    yield from ()


@caption_findings.register(RetrievalData)
def _(
    data: RetrievalData, component: Component, encoder: str, registry: Registry
) -> Iterator[Finding]:
    from vsebench.grid.protocols import resolve_protocol
    from vsebench.results.components import resolve_ref
    from vsebench.retrieval.inputs.run_inputs import own_tokeniser
    from vsebench.retrieval.task import RETRIEVAL

    yield from _shared(data)
    assert isinstance(component.card, DatasetCard)
    protocol: Protocol = resolve_protocol(RETRIEVAL, component.card.protocol, {}, registry)[0]
    ref = resolve_ref("text-encoder", encoder or protocol.text_encoder, registry)
    tokeniser = own_tokeniser(ref, registry)
    if tokeniser is None:
        yield from _unknown(data, protocol.min_word_count)
    else:
        yield from _cut(data, ref.name, tokeniser)


def _shared(data: RetrievalData) -> Iterator[Finding]:
    """A note for each split that is evaluated and whose captions cannot all be told apart."""
    from vsebench.retrieval.ranking.equal_captions import groups_of, perfect, shared

    for name in ("dev", "test"):
        split = data.splits[name]
        groups = groups_of(split.captions)
        found = shared(split.text_to_image, groups)
        if not found.captions:
            continue
        best = perfect(split.text_to_image, groups)
        yield Finding(
            "note",
            f"{name}: {found.captions:,} of {len(groups):,} captions, of {found.images:,} of "
            f"{len(split.lengths):,} images, are word for word a caption of another image, which "
            f"counts against every model: the best that any can get is i2t R@1 {best.i2t_r1:.1f}, "
            f"t2i R@1 {best.t2i_r1:.1f}, RSUM {best.rsum:.1f}; 'vsebench evaluate "
            "--equal-captions positive' counts them as matches",
        )


def _unknown(data: RetrievalData, min_count: int) -> Iterator[Finding]:
    from vsebench.data.vocabulary import Vocabulary

    vocabulary = Vocabulary.build(data.splits["train"].captions, min_count)
    for name in ("dev", "test"):
        unknown, total = vocabulary.unknown(data.splits[name].captions)
        share = unknown / total
        found = (
            f"{name}: {100 * share:.1f} % of its {total:,} words are unknown (used less than "
            f"{min_count} times in training captions)"
        )
        if share > MOST_UNKNOWN:
            advice = "--set min_word_count=1" if min_count > 1 else "more training captions"
            yield Finding("warn", f"{found}: try {advice}, or a text encoder such as bert")
        else:
            yield Finding("note", found)


def _cut(data: RetrievalData, encoder: str, tokeniser: Tokeniser) -> Iterator[Finding]:
    for name, split in data.splits.items():
        tokens = tokeniser.encode(split.captions)
        longest = int(tokens.lengths.max())
        total = len(split.captions)
        if tokens.cut:
            yield Finding(
                "warn",
                f"{name}: {tokens.cut:,} of {total:,} captions are longer than the {longest} "
                f"tokens that text encoder '{encoder}' takes, and are cut",
            )
        else:
            yield Finding(
                "ok",
                f"{name}: text encoder '{encoder}' reads all of {total:,} captions, {longest} "
                "tokens at most",
            )
