"""A bidirectional GRU over all prefixes of one sequence, and one linear output of its states, on
CUDA: what GPO's generator computes, in one launch forward and one backward, for float32.

A program runs both directions of one prefix, each a chain of as many steps as the prefix has rows.
Its steps are what takes time, not its arithmetic: so every prefix runs the forward direction for
itself, though all share it, and the two chains advance side by side. The recurrent weights stay in
registers.

Everything that does not recur is left to matrix products: the inputs' share of the gates before,
and the gradients of the weights after.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.autograd.function import once_differentiable
from triton import language as tl

from vsebench.kernels.gemm import true_float32
from vsebench.kernels.triton_jit import jit, launch

if TYPE_CHECKING:
    from torch import Tensor

WIDEST = 64
"""Largest state whose weights fit the registers of a program."""

_LEAST = 16  # a program's vectors
_WARPS = 4


@jit
def recurrent_weights(
    weight: tl.tensor, size: tl.tensor, SIZE: tl.constexpr
) -> tuple[tl.tensor, tl.tensor, tl.tensor]:
    """The weights [3H, H] of a direction, one [SIZE, SIZE] for each gate, zero beyond H."""
    unit = tl.arange(0, SIZE)
    at = weight + unit[:, None] * size + unit[None, :]
    inside = (unit < size)[:, None] & (unit < size)[None, :]
    reset = tl.load(at, mask=inside, other=0.0)
    update = tl.load(at + size * size, mask=inside, other=0.0)
    new = tl.load(at + 2 * size * size, mask=inside, other=0.0)
    return reset, update, new


@jit
def advance(
    state: tl.tensor,
    inputs: tl.tensor,
    bias: tl.tensor,
    reset_weight: tl.tensor,
    update_weight: tl.tensor,
    new_weight: tl.tensor,
    gates: tl.tensor,
    before: tl.tensor,
    place: tl.tensor,
    size: tl.tensor,
    SIZE: tl.constexpr,
) -> tl.tensor:
    """The next state [SIZE] of a chain, from the gates' `inputs` [3H] at a row.

    Unless they are None, `gates` […, 4, H] gets the candidate, both gates and the candidate's
    recurrent share, and `before` […, H] the state before, at `place`.
    """
    unit = tl.arange(0, SIZE)
    exists = unit < size
    of_reset = tl.load(inputs + unit, mask=exists, other=0.0)
    of_update = tl.load(inputs + size + unit, mask=exists, other=0.0)
    of_new = tl.load(inputs + 2 * size + unit, mask=exists, other=0.0)
    of_reset += tl.load(bias + unit, mask=exists, other=0.0)
    of_update += tl.load(bias + size + unit, mask=exists, other=0.0)
    share = tl.load(bias + 2 * size + unit, mask=exists, other=0.0)
    row = state[None, :]
    reset = tl.sigmoid(of_reset + tl.sum(reset_weight * row, axis=1))
    update = tl.sigmoid(of_update + tl.sum(update_weight * row, axis=1))
    share += tl.sum(new_weight * row, axis=1)
    new = 2.0 * tl.sigmoid(2.0 * (of_new + reset * share)) - 1.0  # tanh
    if gates is not None:
        kept = gates + place * 4 * size + unit
        tl.store(kept, new, mask=exists)
        tl.store(kept + size, reset, mask=exists)
        tl.store(kept + 2 * size, update, mask=exists)
        tl.store(kept + 3 * size, share, mask=exists)
        tl.store(before + place * size + unit, state, mask=exists)
    return new + update * (state - new)


@jit
def scan(
    inputs: tl.tensor,
    head: tl.tensor,
    ahead_weight: tl.tensor,
    ahead_bias: tl.tensor,
    back_weight: tl.tensor,
    back_bias: tl.tensor,
    scores: tl.tensor,
    gates: tl.tensor,
    before: tl.tensor,
    n: tl.tensor,
    size: tl.tensor,
    SIZE: tl.constexpr,
    RANKS: tl.constexpr,
) -> None:
    """Fills `scores` [N, N] (length − 1, rank), zero beyond a length, from the gates' `inputs`
    [2, N, 3H].

    Unless they are None, `gates` [2, N, N, 4, H] and `before` [2, N, N, H] (direction, length − 1,
    rank) get what the backward pass needs.
    """
    last = tl.program_id(0)
    unit = tl.arange(0, SIZE)
    output = tl.load(head + unit, mask=unit < size, other=0.0)
    ahead_r, ahead_z, ahead_n = recurrent_weights(ahead_weight, size, SIZE)
    back_r, back_z, back_n = recurrent_weights(back_weight, size, SIZE)
    ahead, back = tl.zeros([SIZE], tl.float32), tl.zeros([SIZE], tl.float32)
    rank = tl.arange(0, RANKS)
    total = tl.zeros([RANKS], tl.float32)
    for step in range(last + 1):
        row, place = step, last * n + step
        ahead = advance(
            *(ahead, inputs + row * 3 * size, ahead_bias, ahead_r, ahead_z, ahead_n),
            *(gates, before, place, size, SIZE),
        )
        total += tl.where(rank == row, tl.sum(output * ahead, axis=0), 0.0)
        row = last - step
        place = (n + last) * n + row
        back = advance(
            *(back, inputs + (n + row) * 3 * size, back_bias, back_r, back_z, back_n),
            *(gates, before, place, size, SIZE),
        )
        total += tl.where(rank == row, tl.sum(output * back, axis=0), 0.0)
    tl.store(scores + last * n + rank, 0.5 * total, mask=rank < n)


@jit
def retreat(
    carry: tl.tensor,
    to_score: tl.tensor,
    output: tl.tensor,
    reset_weight: tl.tensor,
    update_weight: tl.tensor,
    new_weight: tl.tensor,
    gates: tl.tensor,
    before: tl.tensor,
    to_gates: tl.tensor,
    place: tl.tensor,
    size: tl.tensor,
    SIZE: tl.constexpr,
) -> tuple[tl.tensor, tl.tensor]:
    """One step back in a chain: the gradient of the state before, and that of the head.

    Args:
        carry: [SIZE], gradient of the state by what came after it.
        to_score: gradient of the score of the state.
        output: [SIZE], the head.
        reset_weight: weights [SIZE, SIZE] of the reset gate.
        update_weight: weights of the update gate.
        new_weight: weights of the candidate.
        gates: the gates, kept by `scan`.
        before: the previous states, kept by `scan`.
        to_gates: shaped as `gates`; filled at `place` with the gradients of the candidate, of both
            gates, and of the candidate's recurrent share, before their nonlinearities.
        place: place of the step in all of these.
        size: size of a state, H.
        SIZE: length of the vectors, H or more.
    """
    unit = tl.arange(0, SIZE)
    exists = unit < size
    kept = gates + place * 4 * size + unit
    new = tl.load(kept, mask=exists, other=0.0)
    reset = tl.load(kept + size, mask=exists, other=0.0)
    update = tl.load(kept + 2 * size, mask=exists, other=0.0)
    share = tl.load(kept + 3 * size, mask=exists, other=0.0)
    state = tl.load(before + place * size + unit, mask=exists, other=0.0)
    to_head = to_score * (new + update * (state - new))
    to_state = carry + to_score * output
    to_new = to_state * (1.0 - update) * (1.0 - new * new)
    to_update = to_state * (state - new) * update * (1.0 - update)
    to_reset = to_new * share * reset * (1.0 - reset)
    to_share = to_new * reset
    filled = to_gates + place * 4 * size + unit
    tl.store(filled, to_new, mask=exists)
    tl.store(filled + size, to_reset, mask=exists)
    tl.store(filled + 2 * size, to_update, mask=exists)
    tl.store(filled + 3 * size, to_share, mask=exists)
    by_weights = reset_weight * to_reset[:, None]
    by_weights += update_weight * to_update[:, None]
    by_weights += new_weight * to_share[:, None]
    return to_state * update + tl.sum(by_weights, axis=0), to_head


@jit
def scan_gradient(
    grad: tl.tensor,
    head: tl.tensor,
    ahead_weight: tl.tensor,
    back_weight: tl.tensor,
    gates: tl.tensor,
    before: tl.tensor,
    to_gates: tl.tensor,
    to_head: tl.tensor,
    n: tl.tensor,
    size: tl.tensor,
    SIZE: tl.constexpr,
) -> None:
    """Fills `to_gates` [2, N, N, 4, H] within the prefixes, and `to_head` [N, H], each prefix's
    share, from `grad` [N, N] of the scores.
    """
    last = tl.program_id(0)
    unit = tl.arange(0, SIZE)
    output = tl.load(head + unit, mask=unit < size, other=0.0)
    ahead_r, ahead_z, ahead_n = recurrent_weights(ahead_weight, size, SIZE)
    back_r, back_z, back_n = recurrent_weights(back_weight, size, SIZE)
    ahead, back = tl.zeros([SIZE], tl.float32), tl.zeros([SIZE], tl.float32)
    total = tl.zeros([SIZE], tl.float32)
    for taken in range(last + 1):
        row = last - taken
        place = last * n + row
        ahead, share = retreat(
            *(ahead, 0.5 * tl.load(grad + place), output, ahead_r, ahead_z, ahead_n),
            *(gates, before, to_gates, place, size, SIZE),
        )
        total += share
        place = last * n + taken
        to_score = 0.5 * tl.load(grad + place)
        place = n * n + place
        back, share = retreat(
            *(back, to_score, output, back_r, back_z, back_n),
            *(gates, before, to_gates, place, size, SIZE),
        )
        total += share
    tl.store(to_head + last * size + unit, total, mask=unit < size)


class TritonPrefixScores(torch.autograd.Function):
    """The scores [N, N] of the prefixes of 1, …, N rows, zero beyond a prefix."""

    @staticmethod
    def forward(ctx: Any, inputs: Tensor, head: Tensor, *weights: Tensor) -> Tensor:
        """Runs both directions.

        Args:
            ctx: autograd's context.
            inputs: [2, N, 3H], the inputs' share of the gates in both directions, with its bias.
            head: [1, H], from states to scores.
            weights: states to gates [3H, H] and their bias [3H], of the forward and then of the
                backward direction.
        """
        inputs, head, *parts = (each.contiguous() for each in (inputs, head, *weights))
        n, size = inputs.shape[1], head.shape[1]
        scores = inputs.new_empty(n, n)
        gates = before = None
        if any(ctx.needs_input_grad):
            gates, before = inputs.new_zeros(2, n, n, 4, size), inputs.new_zeros(2, n, n, size)
        launch(
            scan,
            (n,),
            *(inputs, head, *parts, scores, gates, before, n, size),
            SIZE=width(size),
            RANKS=width(n),
            num_warps=_WARPS,
        )
        ctx.save_for_backward(head, parts[0], parts[2], gates, before)
        return scores

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, ...]:
        head, *matrices, gates, before = ctx.saved_tensors
        n, size = before.shape[2:]
        to_gates, to_head = torch.zeros_like(gates), head.new_empty(n, size)
        launch(
            scan_gradient,
            (n,),
            *(grad.contiguous(), head, *matrices, gates, before, to_gates, to_head, n, size),
            SIZE=width(size),
            num_warps=_WARPS,
        )
        of_rows = to_gates.sum(dim=1)
        to_inputs = torch.cat([of_rows[:, :, 1:3], of_rows[:, :, :1]], dim=2).flatten(2)
        by_step = to_gates[:, :, :, 1:].reshape(2, n * n, 3 * size)
        with true_float32(fast=False):
            to_weights = torch.bmm(by_step.transpose(1, 2), before.view(2, n * n, size))
        ahead, back = zip(to_weights, by_step.sum(dim=1), strict=True)
        return to_inputs, to_head.sum(dim=0, keepdim=True), *ahead, *back


def width(size: int) -> int:
    """Length of the vectors that hold `size` numbers: a power of two."""
    return max(_LEAST, 1 << (size - 1).bit_length())


def triton_prefix_scores(rows: Tensor, head: Tensor, *weights: Tensor) -> Tensor:
    """The scores [N, N, 1] of `rows` [N, I]; other arguments as `NumbaPrefixScores` takes them."""
    inputs = torch.stack(
        [
            torch.addmm(bias, rows, weight.T)
            for weight, bias in ((weights[0], weights[2]), (weights[4], weights[6]))
        ]
    )
    recurrent = (weights[1], weights[3], weights[5], weights[7])
    scores: Tensor = TritonPrefixScores.apply(inputs, head, *recurrent)  # type: ignore[no-untyped-call]
    return scores.unsqueeze(-1)
