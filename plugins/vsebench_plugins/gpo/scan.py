"""The recurrence of a GRU with its backward pass written out.

Steps are tiny (at most N rows of 3H gates), so that a pass costs what launching its operations
costs: six for a forward step and three for a backward step. Everything that does not recur is done
for all steps at once. Automatic differentiation of the same cell takes 2.5 times as long.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.autograd.function import once_differentiable

from vsebench.kernels.gemm import true_float32

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from torch import Tensor


def full_precision(device: torch.device) -> AbstractContextManager[object]:
    """fp32 products in fp32, whatever autocast or TF32 settings are around.

    On the CPU not by oneDNN, which training may choose for fp32 products: it takes twice as long
    for products this small. A compiled graph keeps the surrounding precision settings, which dynamo
    cannot trace.
    """
    return (
        torch.autocast(device.type, enabled=False)
        if torch.compiler.is_compiling()
        else true_float32(fast=False)
    )


class GRUScan(torch.autograd.Function):
    """All states of a GRU direction over the prefixes of one sequence; see `PrefixBiGRU`.

    Blocks of rows stand for steps. The forward direction has N blocks of one row, which reads input
    row t. The backward direction has blocks of N, N-1, …, 1 rows; row k of block t reads input row
    k and continues row k + 1 of the block before.
    """

    @staticmethod
    def forward(ctx: Any, inputs: Tensor, weight: Tensor, bias: Tensor, backwards: bool) -> Tensor:
        """States [T, H] by block, in PyTorch's convention (gates reset, update, new).

        Args:
            ctx: autograd's context.
            inputs: [N, 3H], the inputs' share of the gates, their bias included.
            weight: [3H, H], hidden to gates.
            bias: [3H].
            backwards: the direction.
        """
        n, size = len(inputs), weight.shape[1]
        gate_inputs = inputs[:, : 2 * size] + bias[: 2 * size]
        new_inputs = inputs[:, 2 * size :]
        gate_weight, new_weight = weight.T[:, : 2 * size], weight.T[:, 2 * size :]
        new_bias = bias[2 * size :]
        state = inputs.new_zeros(n + 1 if backwards else 1, size)
        steps = []
        for t in range(n):
            read = slice(0, n - t) if backwards else slice(t, t + 1)
            before = state[1:] if backwards else state
            reset, update = (
                torch.addmm(gate_inputs[read], before, gate_weight).sigmoid_().chunk(2, dim=1)
            )
            recurrent = torch.addmm(new_bias, before, new_weight)
            new = torch.addcmul(new_inputs[read], reset, recurrent).tanh_()
            state = torch.lerp(new, before, update)
            steps.append((state, before, reset, update, new, recurrent))
        states, *kept = (torch.cat(blocks) for blocks in zip(*steps, strict=True))
        ctx.save_for_backward(weight, *kept)
        ctx.n, ctx.backwards = n, backwards
        return states

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        weight, before, reset, update, new, recurrent = ctx.saved_tensors
        rows = list(range(ctx.n, 0, -1)) if ctx.backwards else [1] * ctx.n
        # Derivatives by the state of: the new gate before tanh, then the recurrent share of all
        # three gates before their nonlinearities.
        by_new = (1 - update) * (1 - new * new)
        by_gates = torch.stack(
            [
                by_new * recurrent * reset * (1 - reset),
                (before - new) * update * (1 - update),
                by_new * reset,
            ],
            dim=1,
        )

        grad = grad.clone()
        to_gates = torch.empty_like(by_gates)
        blocks = list(
            zip(
                *(torch.split(tensor, rows) for tensor in (grad, by_gates, to_gates, update)),
                strict=True,
            )
        )
        with full_precision(grad.device):
            for t in range(ctx.n - 1, -1, -1):
                to_state, by_gate, to_gate, carry = blocks[t]
                torch.mul(by_gate, to_state[:, None], out=to_gate)
                if t:
                    earlier = blocks[t - 1][0][1:] if ctx.backwards else blocks[t - 1][0]
                    earlier.addcmul_(to_state, carry).addmm_(to_gate.flatten(1), weight)
            to_weight = to_gates.flatten(1).T @ before
        to_bias = to_gates.sum(dim=0).flatten()
        # From here on the inputs' share, which the reset gate does not scale
        to_gates[:, 2] = grad * by_new
        to_inputs = to_gates.flatten(1)
        if ctx.backwards:
            total = to_inputs.new_zeros(ctx.n, to_inputs.shape[1])
            for block in torch.split(to_inputs, rows):
                total[: len(block)] += block
            to_inputs = total
        return to_inputs, to_weight, to_bias, None
