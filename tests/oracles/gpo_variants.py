"""GPO's variants item by item, on an item's valid rows alone: each generator by loops over ranks,
written from the definitions, differentiable.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

from tests.oracles.learned_pooling import softmax_weights
from tests.oracles.pooling import encoding

if TYPE_CHECKING:
    from torch import Tensor, nn


def gru_states(
    inputs: Tensor, w_ih: Tensor, w_hh: Tensor, b_ih: Tensor, b_hh: Tensor
) -> list[Tensor]:
    state, states = torch.zeros_like(w_hh[0]), []
    for x in inputs:
        input_reset, input_update, input_new = (w_ih @ x + b_ih).chunk(3)
        state_reset, state_update, state_new = (w_hh @ state + b_hh).chunk(3)
        reset, update = (
            (input_reset + state_reset).sigmoid(),
            (input_update + state_update).sigmoid(),
        )
        state = (1 - update) * (input_new + reset * state_new).tanh() + update * state
        states.append(state)
    return states


def gru(module: nn.Module, rows: Tensor) -> list[Tensor]:
    names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
    if hasattr(module, "ahead"):
        forward, backward = (
            [getattr(direction, name) for name in names]
            for direction in (module.ahead, module.back)
        )
    else:
        forward, backward = (
            [getattr(module, name + suffix) for name in names] for suffix in ("", "_reverse")
        )
    ahead, back = gru_states(rows, *forward), gru_states(rows.flip(0), *backward)[::-1]
    return [(a + b) / 2 for a, b in zip(ahead, back, strict=True)]


def mlp(module: nn.Module, rows: Tensor) -> list[Tensor]:
    return [(module.hidden.weight @ x + module.hidden.bias).clamp(min=0) for x in rows]


def interpolation(module: nn.Module, rows: Tensor) -> list[Tensor]:
    states = []
    for k in range(len(rows)):
        state = rows.new_zeros(module.size)
        at = (module.size - 1) * k / max(len(rows) - 1, 1)
        left = min(int(at), max(module.size - 2, 0))
        state[left] = 1 - (at - left)
        if at > left:
            state[left + 1] = at - left
        states.append(state)
    return states


def normalised(x: Tensor, norm: nn.LayerNorm) -> Tensor:
    mean = sum(x) / len(x)
    variance = sum((x - mean) ** 2) / len(x)
    return (x - mean) / (variance + norm.eps).sqrt() * norm.weight + norm.bias


def transformer(module: nn.Module, rows: Tensor) -> list[Tensor]:
    heads = 4
    inputs = [module.input(x) for x in rows]
    query, key, value = zip(*(module.attention_in(x).chunk(3) for x in inputs), strict=True)
    size = len(inputs[0]) // heads
    states = []
    for x, q in zip(inputs, query, strict=True):
        parts = []
        for head in range(heads):
            own = slice(head * size, (head + 1) * size)
            weights = softmax_weights([q[own] @ k[own] / math.sqrt(size) for k in key])
            parts.append(sum(w * v[own] for w, v in zip(weights, value, strict=True)))
        middle = normalised(x + module.attention_out(torch.cat(parts)), module.attention_norm)
        wide = module.forward_in(middle).clamp(min=0)
        states.append(normalised(middle + module.forward_out(wide), module.forward_norm))
    return states


GENERATORS = {"gru": gru, "mlp": mlp, "interpolation": interpolation, "transformer": transformer}


def gpo(module: nn.Module, generator: str, rows: Tensor) -> Tensor:
    """The pooling [D] of one item's valid rows [n, D]."""
    ordered = rows.sort(dim=0, descending=True).values
    positions = (
        encoding(len(rows), module.d_pe).to(rows.dtype)
        if module.ranks is None
        else module.ranks.table.weight[: len(rows)]
    )
    reads = {
        "positions": positions,
        "features": ordered,
        "both": torch.cat([positions.expand(len(rows), -1), ordered], dim=1),
    }[module.reads]
    states = GENERATORS[generator](getattr(module, generator), reads)
    # Each [1] or [D]
    weights = softmax_weights(
        [module.linear.weight @ state / module.temperature for state in states]
    )
    return sum(weight * values for weight, values in zip(weights, ordered, strict=True))
