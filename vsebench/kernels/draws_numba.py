"""Batches of draws by a sampler's compiled function."""

from __future__ import annotations

from typing import Any

from vsebench.kernels.jit import jit
from vsebench.kernels.negatives_numba import fork
from vsebench.kernels.prefetch_numba import prefetch_row

_AHEAD = 3  # pairs between asking for an image's vector and using it


@jit(cache=False)
def draw_batch(
    draw: Any,
    tables: Any,
    rows: Any,
    images: Any,
    positives: Any,
    stream: int,
    vectors: Any,
    Q: Any,
    offsets: Any,
    labels: Any,
    out: Any,
) -> None:
    """Fills `out`, labels, trials and weights [B, k]; draw (b, c) has stream number b · k + c of
    `stream`.

    Args:
        draw: the law; see `vsebench.plugin.DrawKernel`.
        tables: its tables.
        rows: int64 [B], the row of `vectors` of each image.
        images: int64 [B].
        positives: int64 [B].
        stream: random stream of the batch.
        vectors: float32 [m, K].
        Q: float32 [A, K], label vectors.
        offsets: offsets of the positives.
        labels: labels of the positives.
        out: three arrays [B, k].
    """
    ranks, numbers, scratch = tables
    found, trials, weight = out
    k = found.shape[1]
    for b in range(rows.shape[0]):
        coming = rows[min(b + _AHEAD, rows.shape[0] - 1)]
        prefetch_row(vectors, coming)
        image, positive, vector = images[b], positives[b], vectors[rows[b]]
        for c in range(k):
            drawn = draw(
                image,
                vector,
                positive,
                fork(stream, b * k + c),
                Q,
                offsets,
                labels,
                ranks,
                numbers,
                scratch,
            )
            found[b, c], trials[b, c], weight[b, c] = drawn
