"""The recurrence of a bidirectional GRU over ragged batches, for float32 on the CPU.

Items are ordered by length, so that step t works on the rows that are still running. A step is one
matrix product for both directions, which torch's library computes, and one pass over its result.
The row counts of the products are rounded up: oneDNN prepares a kernel for each new shape, and
those of a ragged batch are never the same twice.
"""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch.autograd.function import once_differentiable

from vsebench.kernels.compiled import array
from vsebench.kernels.gates_numba import candidate_gradient, sigmoid, tanh
from vsebench.kernels.gemm import PACKED_ROWS, round_up
from vsebench.kernels.jit import jit

if TYPE_CHECKING:
    from torch import Tensor


_STEP_ROWS = 16
"""The rows of a step's product are rounded up to a multiple of this."""


class Ragged(NamedTuple):
    """A batch in the order in which the recurrence works on it.

    Attributes:
        where: int32 [B, N], the row of the inputs that each position reads.
        items: int64 [B], longest first.
        lengths: int64 [B], of these.
        running: number of items that run at each step.
    """

    where: np.ndarray
    items: np.ndarray
    lengths: np.ndarray
    running: list[int]


def read(words: Tensor, lengths: Tensor, ids: int) -> tuple[Tensor, Ragged]:
    """The ids that occur in a batch, int64 [U], and the batch with ids replaced by their index in
    it.

    Args:
        words: int64 [B, N].
        lengths: int64 [B].
        ids: number of ids.

    Raises:
        IndexError: an id is not below `ids`.
    """
    sizes = array(lengths).clip(0, words.shape[1])
    where, numbers = np.zeros(words.shape, np.int32), np.full(ids, -1, np.int32)
    found = np.empty(min(ids, words.numel()), np.int64)
    count = number(array(words), sizes, where, numbers, found)
    if count < 0:
        raise IndexError(f"a word of the batch has an id that is not within 0..{ids - 1}")
    items = np.argsort(-sizes, kind="stable")
    ordered = sizes[items]
    steps = np.arange(ordered.max(initial=0))
    running = np.searchsorted(-ordered, -steps).tolist()
    return torch.from_numpy(found[:count]), Ragged(where, items, ordered, running)


@jit
def number(
    words: np.ndarray,
    lengths: np.ndarray,
    where: np.ndarray,
    numbers: np.ndarray,
    found: np.ndarray,
) -> int:
    """Numbers the ids that `words` [B, N] hold within `lengths` [B], in the order in which they
    come.

    Fills `where` int32 [B, N] with the number of each word, `numbers` int32 [ids], all −1 before,
    with the number of each id that occurs, and `found` with these ids.

    Returns:
        Their number; −1 if a word is not an id.
    """
    count = 0
    for b in range(words.shape[0]):
        for i in range(lengths[b]):
            word = words[b, i]
            if word < 0 or word >= len(numbers):
                return -1
            if numbers[word] < 0:
                numbers[word] = count
                found[count] = word
                count += 1
            where[b, i] = numbers[word]
    return count


@jit(fastmath={"contract"})
def advance(
    step: int,
    start: int,
    rows: int,
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
    """Takes the states of both directions of the items that run at a step one step ahead.

    Args:
        step: its number, the position that the forward direction reads.
        start: number of the step's first item among those of all steps.
        rows: items running.
        where: first row of each step, from `Ragged`, as are `items` and `lengths`.
        items: see `where`.
        lengths: see `where`.
        inputs: [U, 6H], the inputs' share of the gates of the forward and of the backward
            direction, with all biases but `bias`.
        bias: [2, H], of the candidate's recurrent share.
        shares: [2, ≥ rows, 3H], the states' share of the gates.
        states: [2, ≥ rows, H]; overwritten.
        after: [2, at most rows, H], filled with the states after the step.
        gates: [2, M, 4H], filled with reset gate, update gate, candidate and the candidate's
            recurrent share; [2, 0, 4H] if the backward pass needs nothing.
        before: [2, M, H], filled with the states before the step, if so.
        out: [B, N, H], to which half of the states after the step is added.
    """
    size, keeps = states.shape[2], gates.shape[1] > 0
    # Two rows: where one array is written by two names, the loop below is not vectorised
    unkept = np.empty((2, 4 * size), np.float32)
    for d in range(2):
        for i in range(rows):
            position = step if d == 0 else lengths[i] - 1 - step
            source = inputs[where[items[i], position], 3 * size * d : 3 * size * (d + 1)]
            share, state = shares[d, i], states[d, i]
            row = gates[d, start + i] if keeps else unkept[0]
            kept = before[d, start + i] if keeps else unkept[1]
            target = out[items[i], position]
            for j in range(size):
                reset = sigmoid(source[j] + share[j])
                update = sigmoid(source[size + j] + share[size + j])
                recurrent = share[2 * size + j] + bias[d, j]
                new = tanh(source[2 * size + j] + reset * recurrent)
                row[j], row[size + j] = reset, update
                row[2 * size + j], row[3 * size + j] = new, recurrent
                kept[j] = state[j]
                state[j] = new + update * (state[j] - new)
                target[j] += np.float32(0.5) * state[j]
            if i < after.shape[1]:
                next_state = after[d, i]
                for j in range(size):
                    next_state[j] = state[j]


@jit(fastmath={"contract"})
def retreat(
    step: int,
    start: int,
    rows: int,
    later: int,
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
    """Takes the gradients of the states of both directions one step back.

    Args:
        step: its number.
        start: number of the step's first item among those of all steps.
        rows: items running.
        later: items running at the step after it.
        where: first row of each step, from `Ragged`, as are `items` and `lengths`.
        items: see `where`.
        lengths: see `where`.
        gates: gates as `advance` returns them, as is `before`.
        before: see `gates`.
        to_out: [B, N, H], gradient of the output.
        through: [2, ≥ later, H], what reaches these states through the gates of the step after it.
        shares: [2, ≥ rows, 3H], filled with the gradients of the states' share of the gates.
        carried: [2, B, H], what reaches these states past those gates; replaced by the same of the
            step before it.
        to_shares: [2, M, 3H], filled with `shares` of all steps.
        to_inputs: [U, 6H], to which the gradients of the inputs are added.
    """
    size = carried.shape[2]
    gradient = np.empty(size, np.float32)
    one = np.float32(1)
    for d in range(2):
        for i in range(rows):
            position = step if d == 0 else lengths[i] - 1 - step
            row, state = gates[d, start + i], before[d, start + i]
            upstream, direct = to_out[items[i], position], carried[d, i]
            if i < later:
                gated = through[d, i]
                for j in range(size):
                    gradient[j] = direct[j] + gated[j] + np.float32(0.5) * upstream[j]
            else:
                for j in range(size):
                    gradient[j] = np.float32(0.5) * upstream[j]
            share = shares[d, i]
            target = to_inputs[where[items[i], position], 3 * size * d : 3 * size * (d + 1)]
            for j in range(size):
                share[size + j] = (
                    gradient[j]
                    * (state[j] - row[2 * size + j])
                    * row[size + j]
                    * (one - row[size + j])
                )
            for j in range(size):
                direct[j] = gradient[j] * row[size + j]
            for j in range(size):
                gradient[j] = (gradient[j] - direct[j]) * (
                    one - row[2 * size + j] * row[2 * size + j]
                )
            candidate_gradient(gradient, row, share, target)
            everything = to_shares[d, start + i]
            for j in range(3 * size):
                everything[j] = share[j]


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
        size, running = weight.shape[2], batch.running
        total = sum(running) if any(ctx.needs_input_grad) else 0
        gates = torch.empty(2, total, 4 * size)
        before = torch.empty(2, round_up(total, PACKED_ROWS), size)
        out = torch.zeros(*batch.where.shape, size)
        by_gate = _transposed(weight)
        states, products = _Blocks(running, size), _Blocks(running, 3 * size)
        fixed = (batch.where, batch.items, batch.lengths, array(inputs), array(bias))
        filled = (gates.numpy(), before.numpy(), out.numpy())
        for step, start, rows in _steps(running):
            state, product = states(rows, step), products(rows)
            if step:  # the first step starts from zero
                torch.bmm(state.tensor, by_gate, out=product.tensor)
            after = states(running[step + 1] if step + 1 < len(running) else 0, step + 1)
            advance(step, start, rows, *fixed, product.array, state.array, after.array, *filled)
        before[:, total:] = 0
        ctx.save_for_backward(weight, gates, before)
        ctx.batch, ctx.inputs = batch, inputs.shape
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        weight, gates, before = ctx.saved_tensors
        batch: Ragged = ctx.batch
        size, running = weight.shape[2], batch.running
        to_inputs = torch.zeros(ctx.inputs)
        to_shares = torch.empty(*before.shape[:2], 3 * size)
        to_shares[:, sum(running) :] = 0
        shares, products = _Blocks(running, 3 * size), _Blocks(running, size)
        carried = torch.empty(2, len(batch.items), size)
        fixed = (
            batch.where,
            batch.items,
            batch.lengths,
            gates.numpy(),
            before.numpy(),
            array(grad),
        )
        filled = (carried.numpy(), to_shares.numpy(), to_inputs.numpy())
        product, later = products(0), 0
        for step, start, rows in reversed(_steps(running)):
            share = shares(rows)
            retreat(step, start, rows, later, *fixed, product.array, share.array, *filled)
            product, later = products(rows), rows
            if step:
                torch.bmm(share.tensor, weight, out=product.tensor)
        first = slice(running[0] if running else 0, None)
        to_weight = torch.empty_like(weight)
        for of, x, y in zip(to_weight, before[:, first], to_shares[:, first], strict=True):
            torch.mm(y.T, x, out=of)
        return to_inputs, to_weight, to_shares[:, :, 2 * size :].sum(1), None


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

    def __init__(self, running: list[int], columns: int) -> None:
        self._columns = columns
        most = round_up(max(running, default=0), _STEP_ROWS)
        self._memory = torch.zeros(2, 2 * most * columns).numpy()
        self._made: dict[tuple[int, int], _Block] = {}

    def __call__(self, rows: int, turn: int = 0) -> _Block:
        key = round_up(rows, _STEP_ROWS), turn % 2
        if key not in self._made:
            part = self._memory[key[1], : 2 * key[0] * self._columns]
            array = part.reshape(2, key[0], self._columns)
            self._made[key] = _Block(torch.from_numpy(array), array)
        return self._made[key]


def _steps(running: list[int]) -> list[tuple[int, int, int]]:
    """The number of each step, its first row among those of all steps, and its number of rows."""
    return list(zip(range(len(running)), accumulate(running, initial=0), running, strict=False))
