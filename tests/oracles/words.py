"""Word augmentation, one word at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np


def augmented(
    tokens: Sequence[int],
    words: Sequence[int],
    fates: np.ndarray,
    others: Sequence[int],
    rate: float,
    mask: int,
) -> list[int]:
    """A caption after augmentation.

    Args:
        tokens: its ids.
        words: the word of each, -1 for those left alone.
        fates: a number in [0, 1) for each word.
        others: the random id of each token.
        rate: share of words chosen.
        mask: the id that hides.
    """
    out = []
    for token, word, other in zip(tokens, words, others, strict=True):
        if word < 0 or fates[word] >= rate:
            out.append(token)
        elif fates[word] < rate * 0.5:
            out.append(mask)
        elif fates[word] < rate * 0.6:
            out.append(other)
    if out:
        return out
    luckiest = max(set(words), key=lambda word: fates[word])
    return [
        _changed(token, fates[luckiest], other, rate, mask)
        for token, word, other in zip(tokens, words, others, strict=True)
        if word == luckiest
    ]


def _changed(token: int, fate: float, other: int, rate: float, mask: int) -> int:
    """A token that stays because everything would have gone: removed ones come back as they
    were.
    """
    if fate < rate * 0.5:
        return mask
    return other if fate < rate * 0.6 else token
