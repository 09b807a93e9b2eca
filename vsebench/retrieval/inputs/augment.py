"""Size augmentation (VSE-infinity, supplementary section 1.1): training inputs lose local features
and words at random.

The random choices are made on the host, for a whole batch at a time, so that every device sees the
same batches and knows their lengths without waiting for the device.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from vsebench.data.images.decode import Crop

if TYPE_CHECKING:
    from vsebench.plugin import Tokeniser
    from vsebench.plugin.cards import FeatureKind

MASKED, REPLACED = 0.5, 0.1  # of the chosen words; the remaining 40 % are removed


def keep_features(
    lengths: np.ndarray, n: int, rate: float, kind: FeatureKind, rng: np.random.Generator
) -> np.ndarray:
    """Mask of the local features that survive, bool [B, n].

    Args:
        lengths: int [B], valid features of each image.
        n: padded number of features.
        rate: share dropped. Regions and frames are dropped independently; for grids an image draws
            v ~ U(0, 1) and, if v exceeds the rate, drops each cell with probability rate · v.
        kind: kind of the features.
        rng: source of the choices.
    """
    valid = np.arange(n) < lengths[:, None]
    draw = rng.random(valid.shape, dtype=np.float32)
    chance = np.full((len(lengths), 1), rate, np.float32)
    if kind == "grid":
        v = rng.random((len(lengths), 1), dtype=np.float32)
        chance = np.where(v > rate, rate * v, np.float32(0))
    return _keep_one(valid & (draw >= chance), valid, draw)


def draw_crops(
    rng: np.random.Generator, count: int, smallest: float = 0.6, flip: float = 0.5
) -> list[Crop]:
    """Random parts of images, as VSE-infinity crops them for its grid features (released code).

    Args:
        rng: source of the choices.
        count: number of images.
        smallest: an image keeps the same share of its width and of its height, uniform between this
            and 1, anywhere in the image.
        flip: share of the images that are mirrored.
    """
    draws = rng.random((count, 4))
    return [
        Crop(smallest + (1 - smallest) * ratio, left, top, mirror < flip)
        for ratio, left, top, mirror in draws.tolist()
    ]


class PaddedTokens(NamedTuple):
    """Captions in token ids.

    Attributes:
        tokens: int [B, n].
        words: int [B, n], the word of its caption that each token is a piece of, -1 for tokens that
            stay; None when every token is a word.
        lengths: int [B], valid tokens of each caption.
    """

    tokens: np.ndarray
    words: np.ndarray | None
    lengths: np.ndarray


def augment_words(
    captions: PaddedTokens, rate: float, tokeniser: Tokeniser, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Masks, replaces and removes words of a padded batch; all pieces of a word share its fate.

    Args:
        captions: padded batch.
        rate: share of words chosen: of 50 % every piece is masked, of 10 % every piece becomes a
            random id, 40 % are removed.
        tokeniser: gives the ids.
        rng: source of the choices.

    Returns:
        The changed tokens [B, n] and which of them stay, bool [B, n]. Where a caption would lose
        everything, one word stays.
    """
    tokens, words, lengths = captions
    valid = np.arange(tokens.shape[1]) < lengths[:, None]
    draw = _draw_words(tokens.shape, words, rng)
    replacement = tokeniser.replacements[
        rng.integers(len(tokeniser.replacements), size=tokens.shape)
    ].astype(tokens.dtype, copy=False)
    masked = draw < rate * MASKED
    replaced = ~masked & (draw < rate * (MASKED + REPLACED))
    removed = ~masked & ~replaced & (draw < rate)
    hidden = tokens.dtype.type(0 if tokeniser.mask is None else tokeniser.mask)
    changed = np.where(masked, hidden, np.where(replaced, replacement, tokens))
    return changed, _keep_one(valid & ~removed, valid, draw, words)


def keep_words(
    lengths: np.ndarray, words: np.ndarray | None, rate: float, rng: np.random.Generator
) -> np.ndarray:
    """Mask of the states of a frozen encoder that survive, bool [B, n]: behind the encoder a word
    can only be dropped, with all its pieces.

    Args:
        lengths: int64 [B], states of each caption; n is the largest.
        words: int64 [B, n], as in `PaddedTokens`.
        rate: share of words dropped.
        rng: source of the choices.
    """
    valid = np.arange(int(lengths.max(initial=1))) < lengths[:, None]
    draw = _draw_words(valid.shape, words, rng)
    return _keep_one(valid & (draw >= rate), valid, draw, words)


def compact(keep: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Moves what is kept to the front, in order.

    Returns:
        Positions int64 [B, max kept] (those beyond an item's length repeat its dropped positions)
        and lengths int64 [B].
    """
    lengths = keep.sum(1)
    order = np.argsort(~keep, axis=1, kind="stable")
    return order[:, : int(lengths.max(initial=1))], lengths


def _draw_words(
    shape: tuple[int, ...], words: np.ndarray | None, rng: np.random.Generator
) -> np.ndarray:
    """A number in 0..1 for each token [B, n], the same for all pieces of a word; 1 for tokens that
    stay.
    """
    if words is None:
        return rng.random(shape, dtype=np.float32)
    draw = rng.random((shape[0], int(words.max(initial=0)) + 1), dtype=np.float32)
    return np.where(
        words < 0, np.float32(1), np.take_along_axis(draw, np.maximum(words, 0), axis=1)
    )


def _keep_one(
    keep: np.ndarray, valid: np.ndarray, draw: np.ndarray, words: np.ndarray | None = None
) -> np.ndarray:
    """Gives back the valid entry with the largest draw where nothing would be kept, with the other
    pieces of its word.
    """
    empty = ~keep.any(1)
    if empty.any():
        largest = np.where(valid[empty], draw[empty], -1).argmax(1)
        if words is None:
            keep[empty, largest] = True
        else:
            keep[empty] = valid[empty] & (words[empty] == words[empty, largest][:, None])
    return keep
