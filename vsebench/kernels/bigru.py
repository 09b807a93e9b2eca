"""A bidirectional GRU over batches of words on the CPU."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from torch.nn import functional

from vsebench.kernels.gemm import PACKED_ROWS, round_up

if TYPE_CHECKING:
    from torch import Tensor


class GRUWeights(NamedTuple):
    """Weights of the forward and the backward direction, stacked; gates are ordered reset, update,
    new as in `torch.nn.GRU`.

    Attributes:
        w_ih: [2, 3H, E].
        w_hh: [2, 3H, H].
        b_ih: [2, 3H].
        b_hh: [2, 3H].
    """

    w_ih: Tensor
    w_hh: Tensor
    b_ih: Tensor
    b_hh: Tensor


def bigru(vectors: Tensor, words: Tensor, lengths: Tensor, weights: GRUWeights) -> Tensor:
    """The mean of both directions' hidden states at every word.

    Nothing is computed for padding, a word's input to the gates is computed once per id, however
    often it occurs, and a state once for all items that begin, or in the backward direction end,
    with the same words: of 128 captions of Flickr8k in training, a quarter of the inputs and six
    sevenths of the states are left.

    Args:
        vectors: float32 [V, E] on the CPU, of each word id.
        words: int64 [B, N], ids; those at or beyond an item's length are not read.
        lengths: int64 [B], 0..N.
        weights: weights of both directions, float32.

    Returns:
        [B, N, H]; zero beyond an item's length. Differentiable once.

    Raises:
        IndexError: an id is not below V.
    """
    from vsebench.kernels import bigru_numba

    size = weights.w_hh.shape[2]
    ids, batch = bigru_numba.read(words, lengths, len(vectors))
    count = round_up(len(ids), PACKED_ROWS)
    rows = functional.embedding(functional.pad(ids, (0, count - len(ids))), vectors)
    # The candidate's recurrent share is scaled by the reset gate, its bias included
    scaled = weights.b_hh[:, 2 * size :]
    biases = weights.b_ih + functional.pad(weights.b_hh[:, : 2 * size], (0, size))
    inputs = functional.linear(rows, weights.w_ih.flatten(0, 1), biases.flatten())
    out: Tensor = bigru_numba.NumbaScan.apply(inputs, weights.w_hh, scaled, batch)  # type: ignore[no-untyped-call]
    return out
