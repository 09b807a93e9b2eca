"""The learned poolings item by item, on an item's valid rows alone [n, D]: loops over rows, written
from the definitions, differentiable.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor, nn


def by_items(features: Tensor, lengths: Tensor, pool: Callable[[Tensor], Tensor]) -> Tensor:
    return torch.stack(
        [pool(item[:length]) for item, length in zip(features, lengths.tolist(), strict=True)]
    )


def softmax_weights(scores: list[Tensor]) -> list[Tensor]:
    top = torch.stack(scores).max(dim=0).values.detach()
    powers = [(score - top).exp() for score in scores]
    return [power / sum(powers) for power in powers]


def softmax(rows: Tensor) -> Tensor:
    return sum(w * x for w, x in zip(softmax_weights(list(rows)), rows, strict=True))


def gem(p: Tensor, eps: float) -> Callable[[Tensor], Tensor]:
    return lambda rows: (sum(x.clamp(min=eps) ** p for x in rows) / len(rows)) ** (1 / p)


def fspool(weight: Tensor) -> Callable[[Tensor], Tensor]:
    pieces = weight.shape[1] - 1

    def pool(rows: Tensor) -> Tensor:
        ordered = rows.sort(dim=0, descending=True).values
        total = torch.zeros_like(rows[0])
        for k, values in enumerate(ordered):
            at = pieces * k / max(len(rows) - 1, 1)
            left = min(int(at), pieces - 1)
            total = total + values * (
                weight[:, left] + (at - left) * (weight[:, left + 1] - weight[:, left])
            )
        return total

    return pool


def esa(module: nn.Module) -> Callable[[Tensor], Tensor]:
    weight, bias = module.score.weight, module.score.bias
    return lambda rows: sum(
        w * x for w, x in zip(softmax_weights([weight @ x + bias for x in rows]), rows, strict=True)
    )


def selfattn(module: nn.Module) -> Callable[[Tensor], Tensor]:
    q, k, v = module.query, module.key, module.value

    def pool(rows: Tensor) -> Tensor:
        attended = []
        for x in rows:
            scores = [
                (q.weight @ x + q.bias) @ (k.weight @ y + k.bias) / math.sqrt(len(x)) for y in rows
            ]
            attended.append(
                sum(
                    w * (v.weight @ y + v.bias)
                    for w, y in zip(softmax_weights(scores), rows, strict=True)
                )
            )
        return sum(attended) / len(rows)

    return pool


def seq2seq(gru: nn.GRU) -> Callable[[Tensor], Tensor]:
    def pool(rows: Tensor) -> Tensor:
        state = torch.zeros_like(rows[0])
        for x in rows:
            input_reset, input_update, input_new = (gru.weight_ih_l0 @ x + gru.bias_ih_l0).chunk(3)
            state_reset, state_update, state_new = (
                gru.weight_hh_l0 @ state + gru.bias_hh_l0
            ).chunk(3)
            reset, update = (
                (input_reset + state_reset).sigmoid(),
                (input_update + state_update).sigmoid(),
            )
            state = (1 - update) * (input_new + reset * state_new).tanh() + update * state
        return state

    return pool


def graph(layers: nn.ModuleList, then: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    def pool(rows: Tensor) -> Tensor:
        for layer in layers:
            rows = rows + passed(layer, rows)
        return then(rows)

    return pool


def passed(layer: nn.Module, rows: Tensor) -> Tensor:
    """What the rows of an item pass to each, before any normalisation."""
    found = []
    for x in rows:
        message = torch.zeros_like(x)
        for y in rows:
            affinity = (
                (layer.theta.weight @ x + layer.theta.bias)
                @ (layer.phi.weight @ y + layer.phi.bias)
                / len(rows)
            )
            message = message + affinity * (layer.g.weight @ y + layer.g.bias)
        found.append(layer.w_r.weight @ message + layer.w_r.bias)
    return torch.stack(found)


def vsrn(
    layers: nn.ModuleList,
    items: list[Tensor],
    region_l2: str,
    normed: Callable[[nn.Module, list[Tensor]], list[Tensor]],
    then: Callable[[Tensor], Tensor],
) -> list[Tensor]:
    """Graph convolutions with VSRN's normalisations, then a pooling of each item. `normed` is batch
    normalisation of all items' rows.
    """
    rows = [over_regions(item) for item in items] if region_l2 == "both" else items
    for layer in layers:
        added = [passed(layer, item) for item in rows]
        if layer.norm is not None:
            lengths = [len(item) for item in rows]
            added = list(torch.stack(normed(layer.norm, [*torch.cat(added)])).split(lengths))
        rows = [item + more for item, more in zip(rows, added, strict=True)]
    if region_l2 != "none":
        rows = [over_regions(item) for item in rows]
    return [then(item) for item in rows]


def over_regions(rows: Tensor) -> Tensor:
    """Each dimension at L2 norm 1 over the rows."""
    squares = sum(x * x for x in rows)
    return torch.stack([x / squares.sqrt() for x in rows])


def norm_in_training(norm: nn.Module, vectors: list[Tensor]) -> list[Tensor]:
    """Batch normalisation by the mean and the variance of these vectors."""
    mean = sum(vectors) / len(vectors)
    variance = sum((x - mean) ** 2 for x in vectors) / len(vectors)
    return [(x - mean) / (variance + norm.eps).sqrt() * norm.weight + norm.bias for x in vectors]


def norm_in_evaluation(norm: nn.Module, vectors: list[Tensor]) -> list[Tensor]:
    """Batch normalisation by the running statistics."""
    deviation = (norm.running_var + norm.eps).sqrt()
    return [(x - norm.running_mean) / deviation * norm.weight + norm.bias for x in vectors]


def mean(rows: Tensor) -> Tensor:
    return sum(rows) / len(rows)


def combo(logits: Tensor, pools: list[Callable[[Tensor], Tensor]]) -> Callable[[Tensor], Tensor]:
    return lambda rows: sum(
        w * pool(rows) for w, pool in zip(softmax_weights(list(logits)), pools, strict=True)
    )


def adaptive(module: nn.Module, padding: int = 0) -> Callable[[Tensor], Tensor]:
    """Adaptive Pooling; `padding` zero rows take part in the token level's softmax."""

    def pool(rows: Tensor) -> Tensor:
        ordered = rows.sort(dim=0, descending=True).values
        ordered = torch.cat([ordered, ordered.new_zeros(padding, ordered.shape[1])])
        scores = [(module.token.weight @ z + module.token.bias).clamp(min=0) for z in ordered]
        token = sum(w * z for w, z in zip(softmax_weights(scores), ordered, strict=True))
        embedding = softmax(rows)
        by_token, by_embedding = softmax_weights(
            [module.gate.weight[0] @ branch + module.gate.bias[0] for branch in (token, embedding)]
        )
        return by_token * token + by_embedding * embedding

    return pool
