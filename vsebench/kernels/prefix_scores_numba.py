"""A bidirectional GRU over all prefixes of one sequence, and a linear map of its states: what GPO's
generator computes, in compiled loops, for float32 on the CPU.

Blocks of rows stand for steps. The forward direction has N blocks of one row, which reads input row
t. The backward direction has blocks of N, N-1, …, 1 rows; row k of block t reads input row k and
continues row k + 1 of the block before: it is position k of the prefix of k + t + 1 rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch.autograd.function import once_differentiable

from vsebench.kernels.compiled import array
from vsebench.kernels.gates_numba import candidate_gradient, sigmoid, tanh
from vsebench.kernels.jit import jit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor


@jit(fastmath={"contract"}, inline=True)
def add_product(row: np.ndarray, matrix: np.ndarray, out: np.ndarray) -> None:
    """Adds `row` [K] times `matrix` [K, L] to `out` [L], four terms of a sum at a time."""
    whole = len(row) - len(row) % 4
    for k in range(0, whole, 4):
        a, b, c, d = row[k], row[k + 1], row[k + 2], row[k + 3]
        first, second, third, fourth = matrix[k], matrix[k + 1], matrix[k + 2], matrix[k + 3]
        for j in range(len(out)):
            out[j] += (a * first[j] + b * second[j]) + (c * third[j] + d * fourth[j])
    for k in range(whole, len(row)):
        for j in range(len(out)):
            out[j] += row[k] * matrix[k, j]


@jit
def add_products(left: np.ndarray, right: np.ndarray, out: np.ndarray) -> None:
    """Adds `left` [M, K] times `right` [K, L] to `out` [M, L]."""
    for m in range(len(left)):
        add_product(left[m], right, out[m])


@jit(fastmath={"contract"})
def add_outer_products(left: np.ndarray, right: np.ndarray, out: np.ndarray) -> None:
    """Adds the transpose of `left` [M, K] times `right` [M, L] to `out` [K, L]."""
    whole = len(left) - len(left) % 4
    for m in range(0, whole, 4):
        first, second, third, fourth = right[m], right[m + 1], right[m + 2], right[m + 3]
        for k in range(left.shape[1]):
            a, b, c, d = left[m, k], left[m + 1, k], left[m + 2, k], left[m + 3, k]
            row = out[k]
            for j in range(right.shape[1]):
                row[j] += (a * first[j] + b * second[j]) + (c * third[j] + d * fourth[j])
    for m in range(whole, len(left)):
        for k in range(left.shape[1]):
            for j in range(right.shape[1]):
                out[k, j] += left[m, k] * right[m, j]


@jit(fastmath={"contract"})
def scan(
    inputs: np.ndarray,
    by_state: np.ndarray,
    bias: np.ndarray,
    backwards: bool,
    states: np.ndarray,
    gates: np.ndarray,
    before: np.ndarray,
) -> None:
    """Fills `states` [T, H] of a direction.

    Args:
        inputs: [N, 3H].
        by_state: [H, 3H], states to gates.
        bias: [3H].
        backwards: the direction.
        states: see above.
        gates: [T, 4H], filled with reset gate, update gate, candidate and the candidate's recurrent
            share.
        before: [T, H], filled with the state that each step started from.
    """
    n, size = len(inputs), states.shape[1]
    first, share = 0, np.empty(3 * size, np.float32)
    for t in range(n):
        rows = n - t if backwards else 1
        for i in range(rows):
            at = first + i
            source = inputs[i if backwards else t]
            kept, state, row = before[at], states[at], gates[at]
            earlier = at - rows if backwards else at - 1
            for j in range(size):
                kept[j] = states[earlier, j] if t else np.float32(0)
            for j in range(3 * size):
                share[j] = bias[j]
            if t:
                add_product(kept, by_state, share)
            for j in range(2 * size):
                row[j] = sigmoid(source[j] + share[j])
            for j in range(size):
                row[3 * size + j] = share[2 * size + j]
            for j in range(size):
                row[2 * size + j] = tanh(source[2 * size + j] + row[j] * row[3 * size + j])
            for j in range(size):
                state[j] = row[2 * size + j] + row[size + j] * (kept[j] - row[2 * size + j])
        first += rows


@jit(fastmath={"contract"})
def scan_gradient(
    grad: np.ndarray,
    weight: np.ndarray,
    backwards: bool,
    gates: np.ndarray,
    before: np.ndarray,
    to_gates: np.ndarray,
    to_inputs: np.ndarray,
) -> None:
    """Fills `to_gates` [T, 3H] and `to_inputs` [N, 3H] with the gradients of the states' and of the
    inputs' share of the gates.

    Args:
        grad: [T, H], gradient of the states; overwritten.
        weight: [3H, H].
        backwards: the direction.
        gates: gates as `scan` returns them, as is `before`.
        before: see `gates`.
        to_gates: see above.
        to_inputs: see above; all 0 before.
    """
    n, size, first, one = len(to_inputs), grad.shape[1], len(grad), np.float32(1)
    for t in range(n - 1, -1, -1):
        rows = n - t if backwards else 1
        first -= rows
        for i in range(rows):
            at = first + i
            row, kept, gradient, share = gates[at], before[at], grad[at], to_gates[at]
            target = to_inputs[i if backwards else t]
            for j in range(size):
                share[size + j] = (
                    gradient[j]
                    * (kept[j] - row[2 * size + j])
                    * row[size + j]
                    * (one - row[size + j])
                )
            if t:
                to_earlier = grad[at - rows if backwards else at - 1]
                for j in range(size):
                    to_earlier[j] += gradient[j] * row[size + j]
            for j in range(size):
                gradient[j] *= (one - row[size + j]) * (one - row[2 * size + j] * row[2 * size + j])
            candidate_gradient(gradient, row, share, target)
            if t:
                add_product(share, weight, grad[at - rows if backwards else at - 1])


@jit
def join(ahead: np.ndarray, back: np.ndarray, out: np.ndarray) -> None:
    """Fills `out` [N, N, C] (length − 1, rank, output), within the lengths, with the means of the
    scores of the forward states, `ahead` [N, C], and of the backward states, `back`
    [N(N + 1) / 2, C].
    """
    n = len(ahead)
    first = 0
    for t in range(n):
        for k in range(n - t):
            for c in range(ahead.shape[1]):
                out[k + t, k, c] = np.float32(0.5) * (ahead[k, c] + back[first + k, c])
        first += n - t


@jit
def part(grad: np.ndarray, to_ahead: np.ndarray, to_back: np.ndarray) -> None:
    """Adds the gradients of the two scores that `join` takes the means of to `to_ahead` [N, C] and
    to `to_back` [N(N + 1) / 2, C].
    """
    n = len(to_ahead)
    first = 0
    for t in range(n):
        for k in range(n - t):
            for c in range(grad.shape[2]):
                half = np.float32(0.5) * grad[k + t, k, c]
                to_ahead[k, c] += half
                to_back[first + k, c] += half
        first += n - t


class Kept(NamedTuple):
    """Values kept for a direction's backward pass: `states`, `gates` and `before` of `scan`."""

    states: np.ndarray
    gates: np.ndarray
    before: np.ndarray


def states_of(rows: np.ndarray, weights: Sequence[np.ndarray], *, backwards: bool) -> Kept:
    """Runs a direction over `rows` [N, I], with its four weights as in `torch.nn.GRU`."""
    to_gates, by_state, bias, by_state_bias = weights
    n, size = len(rows), by_state.shape[1]
    total = n * (n + 1) // 2 if backwards else n
    inputs = np.empty((n, 3 * size), np.float32)
    inputs[:] = bias
    add_products(rows, np.ascontiguousarray(to_gates.T), inputs)
    kept = Kept(*(np.empty((total, columns), np.float32) for columns in (size, 4 * size, size)))
    scan(inputs, np.ascontiguousarray(by_state.T), by_state_bias, backwards, *kept)
    return kept


def gradients_of(
    rows: np.ndarray,
    weights: Sequence[np.ndarray],
    kept: Kept,
    to_states: np.ndarray,
    to_rows: np.ndarray,
    *,
    backwards: bool,
) -> list[np.ndarray]:
    """The gradients of the four weights; adds that of the rows to `to_rows` [N, I] and overwrites
    `to_states` [T, H].
    """
    to_gates, by_state, *_ = weights
    shares = np.empty((len(to_states), len(by_state)), np.float32)
    inputs = np.zeros((len(rows), len(by_state)), np.float32)
    scan_gradient(to_states, by_state, backwards, kept.gates, kept.before, shares, inputs)
    add_products(inputs, to_gates, to_rows)
    to_weights = np.zeros_like(to_gates), np.zeros_like(by_state)
    add_outer_products(inputs, rows, to_weights[0])
    add_outer_products(shares, kept.before, to_weights[1])
    return [*to_weights, inputs.sum(0), shares.sum(0)]


class NumbaPrefixScores(torch.autograd.Function):
    """The scores [N, N, C] of the prefixes of 1, …, N rows, the means over both directions; zero
    beyond a prefix.
    """

    @staticmethod
    def forward(ctx: Any, rows: Tensor, head: Tensor, *weights: Tensor) -> Tensor:
        """Runs both directions.

        Args:
            ctx: autograd's context.
            rows: [N, I].
            head: [C, H], from states to scores.
            weights: weights of the forward and then of the backward direction, each as in
                `torch.nn.GRU`: inputs to gates, states to gates, and the biases of both.
        """
        ctx.save_for_backward(rows, head, *weights)
        values, parts = array(rows), [array(weight) for weight in weights]
        ctx.kept = (
            states_of(values, parts[:4], backwards=False),
            states_of(values, parts[4:], backwards=True),
        )
        by_state = np.ascontiguousarray(array(head).T)
        scores = [np.zeros((len(kept.states), len(head)), np.float32) for kept in ctx.kept]
        for kept, score in zip(ctx.kept, scores, strict=True):
            add_products(kept.states, by_state, score)
        out = np.zeros((len(values), len(values), len(head)), np.float32)
        join(scores[0], scores[1], out)
        return torch.from_numpy(out)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, ...]:
        rows, head, *weights = (array(tensor) for tensor in ctx.saved_tensors)
        to_scores = [np.zeros((len(kept.states), len(head)), np.float32) for kept in ctx.kept]
        part(array(grad), *to_scores)
        to_rows, to_head = np.zeros_like(rows), np.zeros_like(head)
        to_weights = []
        for backwards, kept, to_score in zip((False, True), ctx.kept, to_scores, strict=True):
            add_outer_products(to_score, kept.states, to_head)
            to_states = np.zeros_like(kept.states)
            add_products(to_score, head, to_states)
            own = weights[4:] if backwards else weights[:4]
            to_weights += gradients_of(rows, own, kept, to_states, to_rows, backwards=backwards)
        return tuple(torch.from_numpy(each) for each in (to_rows, to_head, *to_weights))
