"""A bidirectional GRU over ragged batches on the CPU: valid steps only, both directions in one
matrix product per step.

`torch.nn.GRU` either computes padding or needs packed sequences, and accumulates weight gradients
step by step. Here the items are ordered by length, so that step t works on the rows that are still
running; weight gradients are one product over all steps at the end. The operands of a step's
product are contiguous and their row counts rounded up: oneDNN prepares a kernel for each new shape
and stride, which costs more than a small product, and those of a ragged batch are never the same
twice.
"""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from vsebench.kernels.rounding import round_up_rows

if TYPE_CHECKING:
    from torch import Tensor
    from torch.autograd.function import FunctionCtx


_STEP_ROWS = 16
"""The rows of a step's product are rounded up to a multiple of this."""


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


def bigru(features: Tensor, lengths: Tensor, weights: GRUWeights) -> Tensor:
    """The mean of both directions' hidden states at every valid position.

    Args:
        features: [B, N, E] on the CPU; rows at or beyond an item's length are not read.
        lengths: int64 [B], 1..N.
        weights: of both directions.

    Returns:
        [B, N, H]; zero beyond an item's length.
    """
    batch, n, size = features.shape
    counts, forward, backward = _layout(lengths, n)
    flat = features.reshape(batch * n, size)
    packed = round_up_rows(torch.stack([flat[forward], flat[backward]]))
    hidden: Tensor = _BiGRU.apply(packed, counts, *weights)[:, : len(forward)]  # type: ignore[no-untyped-call]
    padded = hidden.new_zeros(batch * n, hidden.shape[2])
    return (padded.index_copy(0, forward, hidden[0]).index_add(0, backward, hidden[1]) / 2).view(
        batch, n, hidden.shape[2]
    )


def _layout(lengths: Tensor, n: int) -> tuple[list[int], Tensor, Tensor]:
    """How many items run at each step, and the flat positions [sum of lengths] that each direction
    reads, step by step.
    """
    ordered, items = lengths.sort(descending=True, stable=True)
    steps = torch.arange(int(ordered[0]) if len(ordered) else 0)[:, None]
    running = steps < ordered
    forward = (items * n + steps)[running]
    backward = (items * n + ordered - 1 - steps)[running]
    return running.sum(1).tolist(), forward, backward


class _BiGRU(torch.autograd.Function):
    """Hidden states [2, M, H] of packed inputs [2, M, E], rows grouped by step; `counts` has the
    rows of each step, and rows beyond their sum mean nothing.
    """

    @staticmethod
    def forward(
        ctx: FunctionCtx,
        packed: Tensor,
        counts: list[int],
        w_ih: Tensor,
        w_hh: Tensor,
        b_ih: Tensor,
        b_hh: Tensor,
    ) -> Tensor:
        size = w_hh.shape[2]
        # Becomes r, z, n in place
        gates = torch.baddbmm(b_ih[:, None], packed, w_ih.transpose(1, 2))
        gates[..., : 2 * size] += b_hh[:, None, : 2 * size]
        hidden = gates.new_zeros(2, gates.shape[1], size)
        new_from_hidden = torch.zeros_like(hidden)
        recurrent, bias = w_hh.transpose(1, 2), b_hh[:, None, 2 * size :]
        previous = gates.new_zeros(2, counts[0] if counts else 0, size)
        for start, rows in zip(accumulate(counts, initial=0), counts, strict=False):
            gate, previous = gates[:, start : start + rows], previous[:, :rows]
            from_hidden = torch.bmm(round_up_rows(previous, _STEP_ROWS).contiguous(), recurrent)[
                :, :rows
            ]
            reset_update = gate[..., : 2 * size].add_(from_hidden[..., : 2 * size]).sigmoid_()
            candidate = torch.add(
                from_hidden[..., 2 * size :], bias, out=new_from_hidden[:, start : start + rows]
            )
            new = gate[..., 2 * size :].addcmul_(reset_update[..., :size], candidate).tanh_()
            previous = torch.lerp(
                new, previous, reset_update[..., size:], out=hidden[:, start : start + rows]
            )
        ctx.save_for_backward(packed, gates, new_from_hidden, hidden, w_ih, w_hh)
        ctx.counts = counts  # type: ignore[attr-defined]
        return hidden

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        packed, gates, new_from_hidden, hidden, w_ih, w_hh = ctx.saved_tensors
        size, counts = w_hh.shape[2], ctx.counts
        before = _previous(hidden, counts)
        reset, update, new = gates.split(size, dim=2)
        # Factors of the gradient of each state that no other state enters: computed for all steps
        # at once.
        to_new = (1 - update) * (1 - new * new)
        to_update = (before - new) * update * (1 - update)
        to_reset = new_from_hidden * reset * (1 - reset)
        # Gradient of the pre-activations that come from the hidden state
        at_hidden = torch.zeros_like(gates)
        state = gradients[0].clone()
        starts = list(accumulate(counts, initial=0))
        for step in range(len(counts) - 1, -1, -1):
            rows = slice(starts[step], starts[step + 1])
            here, out = state[:, rows], gates.new_empty(2, counts[step], 3 * size)
            at_new = here * to_new[:, rows]
            torch.mul(at_new, to_reset[:, rows], out=out[..., :size])
            torch.mul(here, to_update[:, rows], out=out[..., size : 2 * size])
            torch.mul(at_new, reset[:, rows], out=out[..., 2 * size :])
            at_hidden[:, rows] = out
            if step:
                earlier = state[:, starts[step - 1] : starts[step - 1] + counts[step]]
                earlier.addcmul_(here, update[:, rows]).add_(
                    torch.bmm(round_up_rows(out, _STEP_ROWS), w_hh)[:, : counts[step]]
                )
        at_input = at_hidden.clone()
        torch.mul(state, to_new, out=at_input[..., 2 * size :])
        return (
            torch.bmm(at_input, w_ih) if ctx.needs_input_grad[0] else None,
            None,
            torch.bmm(at_input.transpose(1, 2), packed),
            torch.bmm(at_hidden.transpose(1, 2), before),
            at_input.sum(1),
            at_hidden.sum(1),
        )


def _previous(hidden: Tensor, counts: list[int]) -> Tensor:
    """The hidden state that each row started from; zero at the first step."""
    before = torch.zeros_like(hidden)
    starts = list(accumulate(counts, initial=0))
    for step in range(1, len(counts)):
        before[:, starts[step] : starts[step + 1]] = hidden[
            :, starts[step - 1] : starts[step - 1] + counts[step]
        ]
    return before
