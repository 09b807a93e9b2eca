"""Slow, obviously right rankings, and the published way to compute them."""

from __future__ import annotations

import math
import statistics
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

Matrix = list[list[float]]


def inner_products(images: np.ndarray, texts: np.ndarray) -> Matrix:
    """Every score, correctly rounded: products of fp32 numbers are exact in float64, and `fsum`
    rounds once.
    """
    return [
        [
            math.fsum(a * b for a, b in zip(image, text, strict=True))
            for text in texts.astype(float).tolist()
        ]
        for image in images.astype(float).tolist()
    ]


def ranks(scores: Matrix, text_to_image: Sequence[int]) -> tuple[list[int], list[int]]:
    """Position from 0 of the first match in each query's sorted list; among equal scores, matches
    come last.
    """
    texts, images = range(len(text_to_image)), range(len(scores))
    i2t = []
    for i in images:
        order = sorted(texts, key=lambda j: (-scores[i][j], text_to_image[j] == i))
        i2t.append(next(position for position, j in enumerate(order) if text_to_image[j] == i))
    t2i = []
    for j in texts:
        order = sorted(images, key=lambda i: (-scores[i][j], text_to_image[j] == i))
        t2i.append(order.index(text_to_image[j]))
    return i2t, t2i


def metrics(i2t: Sequence[int], t2i: Sequence[int]) -> dict[str, float]:
    """Any-hit recalls in percent, their sum, median and mean rank."""
    out: dict[str, float] = {}
    for name, positions in (("i2t", i2t), ("t2i", t2i)):
        for depth in (1, 5, 10):
            out[f"{name}_r{depth}"] = (
                100 * sum(position < depth for position in positions) / len(positions)
            )
        out[f"{name}_medr"] = math.floor(statistics.median(positions)) + 1
        out[f"{name}_meanr"] = statistics.fmean(positions) + 1
    out["rsum"] = sum(value for name, value in out.items() if "_r" in name)
    return out


def published_ranks(images: np.ndarray, texts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The procedure of VSE++ and its successors: five consecutive captions per image, a float64
    matrix, one argsort per query.

    Ties fall as the sort leaves them, and NaN sorts to the front.
    """
    scores = images.astype(np.float64) @ texts.astype(np.float64).T
    i2t, t2i = np.zeros(len(images), np.int64), np.zeros(len(texts), np.int64)
    for image in range(len(images)):
        order = np.argsort(scores[image])[::-1]
        i2t[image] = min(
            np.flatnonzero(order == text)[0] for text in range(5 * image, 5 * image + 5)
        )
    for text in range(len(texts)):
        order = np.argsort(scores[:, text])[::-1]
        t2i[text] = np.flatnonzero(order == text // 5)[0]
    return i2t, t2i


def ranks_of_matches(
    scores: Matrix, matches: Sequence[Sequence[bool]]
) -> tuple[list[int], list[int]]:
    """As `ranks`, where any image may match any caption."""
    texts, images = range(len(scores[0])), range(len(scores))
    i2t = []
    for i in images:
        order = sorted(texts, key=lambda j: (-scores[i][j], matches[i][j]))
        i2t.append(next(position for position, j in enumerate(order) if matches[i][j]))
    t2i = []
    for j in texts:
        order = sorted(images, key=lambda i: (-scores[i][j], matches[i][j]))
        t2i.append(next(position for position, i in enumerate(order) if matches[i][j]))
    return i2t, t2i
