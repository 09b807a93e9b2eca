"""Size augmentation (VSE-infinity, supplementary section 1.1): training inputs lose local features and words at random.

The random choices are made on the host, for a whole batch at a time, so that every device sees the same batches and knows their lengths without
waiting for the device.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from vsebench.data.vocabulary import Vocabulary
    from vsebench.plugin.cards import FeatureKind

MASKED, REPLACED = 0.5, 0.1  # of the chosen words; the remaining 40 % are removed


def keep_features(lengths: np.ndarray, n: int, rate: float, kind: FeatureKind, rng: np.random.Generator) -> np.ndarray:
    """Which local features survive, bool [B, n].

    Args:
        lengths: int [B], valid features of each image.
        n: padded number of features.
        rate: share dropped. Regions and frames are dropped independently; for grids an image draws v ~ U(0, 1) and, if v exceeds the rate, drops
            each cell with probability rate · v.
        kind: what a feature is.
        rng: source of the choices.
    """
    valid = np.arange(n) < lengths[:, None]
    draw = rng.random(valid.shape, dtype=np.float32)
    chance = np.full((len(lengths), 1), rate, np.float32)
    if kind == "grid":
        v = rng.random((len(lengths), 1), dtype=np.float32)
        chance = np.where(v > rate, rate * v, np.float32(0))
    return _keep_one(valid & (draw >= chance), valid, draw)


def augment_words(tokens: np.ndarray, lengths: np.ndarray, rate: float, vocabulary: Vocabulary, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Masks, replaces and removes words of a padded batch; the start and end tokens take part, as in the published BiGRU recipe.

    Args:
        tokens: int [B, n] token ids.
        lengths: int [B], valid tokens of each caption.
        rate: share of tokens chosen: 50 % of them become `<mask>`, 10 % a random word of the vocabulary, 40 % are removed.
        vocabulary: gives the ids.
        rng: source of the choices.

    Returns:
        The changed tokens [B, n] and which of them stay, bool [B, n]. At least one token of each caption stays.
    """
    valid = np.arange(tokens.shape[1]) < lengths[:, None]
    draw = rng.random(tokens.shape, dtype=np.float32)
    words = rng.integers(vocabulary.unk, max(vocabulary.unk + 1, vocabulary.mask), tokens.shape, dtype=tokens.dtype)
    masked = draw < rate * MASKED
    replaced = ~masked & (draw < rate * (MASKED + REPLACED))
    removed = ~masked & ~replaced & (draw < rate)
    changed = np.where(masked, tokens.dtype.type(vocabulary.mask), np.where(replaced, words, tokens))
    return changed, _keep_one(valid & ~removed, valid, draw)


def compact(keep: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Moves what is kept to the front, in order.

    Returns:
        Positions int64 [B, max kept] (those beyond an item's length repeat its dropped positions) and lengths int64 [B].
    """
    lengths = keep.sum(1)
    order = np.argsort(~keep, axis=1, kind="stable")
    return order[:, : int(lengths.max(initial=1))], lengths


def _keep_one(keep: np.ndarray, valid: np.ndarray, draw: np.ndarray) -> np.ndarray:
    """Gives back the valid entry with the largest draw where nothing would be kept."""
    empty = ~keep.any(1)
    if empty.any():
        keep[empty, np.where(valid[empty], draw[empty], -1).argmax(1)] = True
    return keep
