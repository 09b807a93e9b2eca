"""The recurrence of a bidirectional GRU over ragged batches, for float32 on the CPU.

A step is one matrix product for both directions, of the states that are read on from, which torch's
library computes, and one pass over its result. The row counts of the products are rounded up:
oneDNN prepares a kernel for each new shape, and those of a ragged batch are never the same twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch.autograd.function import once_differentiable

from vsebench.kernels.compiled import array
from vsebench.kernels.gates_numba import candidate_gradient, sigmoid, tanh
from vsebench.kernels.gemm import PACKED_ROWS, round_up
from vsebench.kernels.jit import jit
from vsebench.kernels.prefixes_numba import Ragged, read

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ("NumbaScan", "read")

_STEP_ROWS = 8
"""The rows of a step's product are rounded up to a multiple of this."""


@jit(fastmath={"contract"})
def advance(
    step: int,
    first: np.ndarray,
    parent: np.ndarray,
    follow: np.ndarray,
    steps: np.ndarray,
    where: np.ndarray,
    items: np.ndarray,
    lengths: np.ndarray,
    inputs: np.ndarray,
    bias: np.ndarray,
    shares: np.ndarray,
    states: np.ndarray,
    after: np.ndarray,
    gates: np.ndarray,
    before: np.ndarray,
    out: np.ndarray,
) -> None:
    """Computes the states of a step's nodes from those of their parents.

    Args:
        step: its number.
        first: see `Ragged`, which has this and the next six.
        parent: see `first`.
        follow: see `first`.
        steps: see `first`.
        where: see `first`.
        items: see `first`.
        lengths: see `first`.
        inputs: [U, 6H], the inputs' share of the gates of the forward and of the backward
            direction, with all biases but `bias`.
        bias: [2, H], of the candidate's recurrent share.
        shares: [2, ≥ parents, 3H], the parents' share of the gates.
        states: [2, ≥ parents, H], theirs.
        after: [2, ≥ nodes with children, H], filled with the states of these.
        gates: [2, M, 4H], filled with reset gate, update gate, candidate and the candidate's
            recurrent share; [2, 0, 4H] if the backward pass needs nothing.
        before: [2, R, H], filled with the states of nodes with children, if so.
        out: [B, N, H], to which half of the states is added.
    """
    size, keeps = states.shape[2], gates.shape[1] > 0
    unkept, state = np.empty(4 * size, np.float32), np.empty(size, np.float32)
    for d in range(2):
        start, count, place, inner = steps[step, d]
        for k in range(count):
            node = start + k
            i = first[d, node]
            position = step if d == 0 else lengths[i] - 1 - step
            source = inputs[where[items[i], position], 3 * size * d : 3 * size * (d + 1)]
            share, old = shares[d, parent[d, node]], states[d, parent[d, node]]
            row = gates[d, node] if keeps else unkept
            target = out[items[i], position]
            for j in range(size):
                reset = sigmoid(source[j] + share[j])
                update = sigmoid(source[size + j] + share[size + j])
                recurrent = share[2 * size + j] + bias[d, j]
                new = tanh(source[2 * size + j] + reset * recurrent)
                row[j], row[size + j] = reset, update
                row[2 * size + j], row[3 * size + j] = new, recurrent
                state[j] = new + update * (old[j] - new)
                target[j] += np.float32(0.5) * state[j]
            i = follow[d, step, i]
            while i >= 0:
                target = out[items[i], step if d == 0 else lengths[i] - 1 - step]
                for j in range(size):
                    target[j] += np.float32(0.5) * state[j]
                i = follow[d, step, i]
            if k < inner:
                next_state = after[d, k]
                for j in range(size):
                    next_state[j] = state[j]
                if keeps:
                    kept = before[d, place + k]
                    for j in range(size):
                        kept[j] = state[j]


@jit(fastmath={"contract"})
def retreat(
    step: int,
    first: np.ndarray,
    parent: np.ndarray,
    follow: np.ndarray,
    steps: np.ndarray,
    where: np.ndarray,
    items: np.ndarray,
    lengths: np.ndarray,
    gates: np.ndarray,
    before: np.ndarray,
    to_out: np.ndarray,
    through: np.ndarray,
    shares: np.ndarray,
    carried: np.ndarray,
    to_shares: np.ndarray,
    to_inputs: np.ndarray,
) -> None:
    """Takes the gradients of the states of a step's nodes to their parents.

    Args:
        step: its number.
        first: see `Ragged`, which has this and the next six.
        parent: see `first`.
        follow: see `first`.
        steps: see `first`.
        where: see `first`.
        items: see `first`.
        lengths: see `first`.
        gates: gates as `advance` returns them, as is `before`.
        before: see `gates`.
        to_out: [B, N, H], gradient of the output.
        through: [2, ≥ nodes with children, H], what reaches their states through the gates of their
            children.
        shares: [2, ≥ parents, 3H], filled with the gradients of the parents' share of the gates.
        carried: [2, 2, > nodes with children, H], for even and for odd steps, what reaches these
            states past those gates; that of the parents is filled, and the last row is spare.
        to_shares: [2, > R, 3H], filled with `shares` of all steps; the last row is spare.
        to_inputs: [U, 6H], to which the gradients of the inputs are added.
    """
    size, one, half = before.shape[2], np.float32(1), np.float32(0.5)
    gradient = np.empty(size, np.float32)
    for d in range(2):
        start, count, _, inner = steps[step, d]
        above = steps[step - 1, d, 2] if step else 0
        opened = 0  # parents that had a child so far: the first to come is that of the next one
        for k in range(count):
            node = start + k
            row, i = gates[d, node], first[d, node]
            position = step if d == 0 else lengths[i] - 1 - step
            target = to_inputs[where[items[i], position], 3 * size * d : 3 * size * (d + 1)]
            upstream = to_out[items[i], position]
            if k < inner:
                past, gated = carried[step % 2, d, k], through[d, k]
                for j in range(size):
                    gradient[j] = past[j] + gated[j] + half * upstream[j]
            else:
                for j in range(size):
                    gradient[j] = half * upstream[j]
            i = follow[d, step, i]
            while i >= 0:
                upstream = to_out[items[i], step if d == 0 else lengths[i] - 1 - step]
                for j in range(size):
                    gradient[j] += half * upstream[j]
                i = follow[d, step, i]
            p = parent[d, node]
            eldest = p == opened
            opened += eldest
            # What is added to that of an earlier child is written to a spare row first
            state, share = before[d, above + p], to_shares[d, above + p if eldest else -1]
            direct, total = carried[1 - step % 2, d, p if eldest else -1], shares[d, p]
            # Slices: an index of two terms might be negative, and is not vectorised as well
            update, new, to_update = row[size : 2 * size], row[2 * size :], share[size : 2 * size]
            for j in range(size):
                to_update[j] = gradient[j] * (state[j] - new[j]) * update[j] * (one - update[j])
            for j in range(size):
                direct[j] = gradient[j] * update[j]
            for j in range(size):
                gradient[j] = (gradient[j] - direct[j]) * (one - new[j] * new[j])
            candidate_gradient(gradient, row, share, target)
            if eldest:
                for j in range(3 * size):
                    total[j] = share[j]
            else:
                passed, everything = carried[1 - step % 2, d, p], to_shares[d, above + p]
                for j in range(size):
                    passed[j] += direct[j]
                for j in range(3 * size):
                    total[j] += share[j]
                for j in range(3 * size):
                    everything[j] = total[j]


class NumbaScan(torch.autograd.Function):
    """The mean of both directions' states [B, N, H], zero beyond an item's length."""

    @staticmethod
    def forward(ctx: Any, inputs: Tensor, weight: Tensor, bias: Tensor, batch: Ragged) -> Tensor:
        """Runs both directions.

        Args:
            ctx: autograd's context.
            inputs: [U, 6H], the inputs' share of the gates of the forward and of the backward
                direction, with all biases but `bias`.
            weight: [2, 3H, H], hidden to gates.
            bias: [2, H], of the recurrent share of the candidate.
            batch: the batch in the order of the recurrence.
        """
        size, keeps = weight.shape[2], any(ctx.needs_input_grad)
        parents = batch.parents
        gates = torch.empty(2, batch.most_nodes if keeps else 0, 4 * size)
        before = torch.empty(2, round_up(batch.most_parents, PACKED_ROWS) if keeps else 0, size)
        before[:, :1] = 0  # the root's state
        out = torch.zeros(*batch.where.shape, size)
        by_gate = _transposed(weight)
        states, products = _Blocks(parents, size), _Blocks(parents, 3 * size)
        fixed = (*batch[:-1], array(inputs), array(bias))
        filled = (gates.numpy(), before.numpy(), out.numpy())
        for step in range(len(batch.steps)):
            state, product = states(parents[step], step), products(parents[step])
            if step:  # the root's share is zero
                torch.bmm(state.tensor, by_gate, out=product.tensor)
            after = states(parents[step + 1], step + 1)
            advance(step, *fixed, product.array, state.array, after.array, *filled)
        for d, number in enumerate(batch.parents_in_all):
            before[d, number:] = 0
        ctx.save_for_backward(by_gate, gates, before)
        ctx.batch, ctx.inputs = batch, inputs.shape
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        by_gate, gates, before = ctx.saved_tensors
        batch: Ragged = ctx.batch
        size, parents = before.shape[2], batch.parents
        to_inputs = torch.zeros(ctx.inputs)
        to_shares = torch.empty(2, before.shape[1] + 1, 3 * size)
        for d, number in enumerate(batch.parents_in_all):
            to_shares[d, number if len(batch.steps) else 0 :] = 0
        shares, products = _Blocks(parents, 3 * size), _Blocks(parents, size)
        carried = torch.empty(2, 2, max(parents) + 1, size)
        fixed = (*batch[:-1], gates.numpy(), before.numpy(), array(grad))
        filled = (carried.numpy(), to_shares.numpy(), to_inputs.numpy())
        product = products(0)
        # oneDNN reads the transposed matrix faster than the one as it was
        weight = by_gate.transpose(1, 2)
        for step in reversed(range(len(batch.steps))):
            share = shares(parents[step])
            retreat(step, *fixed, product.array, share.array, *filled)
            product = products(parents[step])
            if step:
                torch.bmm(share.tensor, weight, out=product.tensor)
        to_weight = before.new_empty(2, 3 * size, size)
        for of, x, y in zip(to_weight, before, to_shares[:, :-1], strict=True):
            torch.mm(y.T, x, out=of)
        return to_inputs, to_weight, to_shares[:, :-1, 2 * size :].sum(1), None


def _transposed(weight: Tensor) -> Tensor:
    """[2, R, C] to [2, C, R], contiguous, matrix by matrix: torch copies one by tiles, and a stack
    of them seven times as slowly.
    """
    out = weight.new_empty(weight.shape[0], weight.shape[2], weight.shape[1])
    for to, matrix in zip(out, weight, strict=True):
        to.copy_(matrix.T)
    return out


class _Block(NamedTuple):
    """The same memory for torch and for compiled loops."""

    tensor: Tensor
    array: np.ndarray


class _Blocks:
    """Contiguous blocks [2, rows, columns], rows rounded up, over the same memory or, alternating,
    over two: products of blocks of the same number of rows have the same shape and strides.
    """

    def __init__(self, rows: list[int], columns: int) -> None:
        self._columns = columns
        most = round_up(max(rows), _STEP_ROWS)
        self._memory = torch.zeros(2, 2 * most * columns).numpy()
        self._made: dict[tuple[int, int], _Block] = {}

    def __call__(self, rows: int, turn: int = 0) -> _Block:
        key = round_up(rows, _STEP_ROWS), turn % 2
        if key not in self._made:
            part = self._memory[key[1], : 2 * key[0] * self._columns]
            array = part.reshape(2, key[0], self._columns)
            self._made[key] = _Block(torch.from_numpy(array), array)
        return self._made[key]
