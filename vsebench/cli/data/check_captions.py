"""How the captions of a data set are read: words that its vocabulary does not know, and captions
that a pretrained text encoder cuts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vsebench.data.prepare.audit import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vsebench.plugin import RetrievalData, Tokeniser
    from vsebench.plugin.cards import DatasetCard
    from vsebench.plugin.registry import Registry
    from vsebench.results.protocol import Protocol

MOST_UNKNOWN = 0.10
"""Share of unknown words above which a split is warned of."""


def findings_of(
    data: RetrievalData, card: DatasetCard, encoder: str, registry: Registry
) -> Iterator[Finding]:
    """How a run would read the captions of dev and test.

    Args:
        data: the opened set.
        card: names the protocol whose vocabulary is built.
        encoder: component spec of the text encoder; empty for the protocol's own.
        registry: registry that has it.

    Raises:
        VsebenchError: the encoder is not known, or its tokeniser cannot be made.
    """
    from vsebench.grid.protocols import resolve_protocol
    from vsebench.results.components import resolve_ref
    from vsebench.retrieval.inputs.run_inputs import own_tokeniser
    from vsebench.retrieval.task import RETRIEVAL

    protocol: Protocol = resolve_protocol(RETRIEVAL, card.protocol, {}, registry)[0]
    ref = resolve_ref("text-encoder", encoder or protocol.text_encoder, registry)
    tokeniser = own_tokeniser(ref, registry)
    if tokeniser is None:
        yield from _unknown(data, protocol.min_word_count)
    else:
        yield from _cut(data, ref.name, tokeniser)


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
