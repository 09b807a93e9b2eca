"""What a pooling must not look at: padding, the other items, and, where its card claims so, the
order of the rows.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

from vsebench.plugin.cards import PoolingCard, claimed
from vsebench.testing.check import NotCheckedError, promise
from vsebench.testing.poolings.ragged import Ragged, items, pool, square_sum, trial

if TYPE_CHECKING:
    from torch import Tensor, nn

    from vsebench.testing.subject import Subject

GRADIENT = "gradient of the features"


@promise
def never_reads_padding(subject: Subject) -> None:
    """Whatever padding holds, NaN too, embedding and gradients are the same to the bit, and the
    padding's gradient is exactly 0.
    """
    zeros = Ragged()
    with trial(subject, zeros) as first:
        wanted = _with_gradients(subject.build(dim=zeros.dim), zeros)
    for padding in (1e30, math.inf, -math.inf, math.nan):
        inputs = Ragged(padding=padding)
        with trial(subject, inputs, note=f"padding holds {padding}") as case:
            found = _with_gradients(subject.build(dim=inputs.dim), inputs)
            case.all_close(
                found, wanted, "it reads padding", expected="as with zeros in the padding"
            )
    reached = (wanted[GRADIENT][~zeros.mask] != 0).sum().item()
    first.require(
        reached == 0,
        "gradients reach the padding",
        expected="exactly 0",
        found=f"{reached} values other than 0",
    )


def _with_gradients(pooling: nn.Module, inputs: Ragged) -> dict[str, Tensor]:
    """The embedding and its gradients by name."""
    features, lengths = inputs.tensors()
    found = pool(pooling, features.requires_grad_(), lengths)
    torch.autograd.backward(square_sum(found))
    assert features.grad is not None
    gradients = {
        f"gradient of {name}": p.grad
        for name, p in pooling.named_parameters()
        if p.grad is not None
    }
    return {**found, GRADIENT: features.grad, **gradients}


@promise
def more_padding_changes_nothing(subject: Subject) -> None:
    """An item's embedding does not depend on how much padding its batch has."""
    inputs, wider = Ragged(), Ragged(rows=16, padding=math.nan)
    with trial(subject, wider, f"p(x, n), p(x[:, :{inputs.rows}], n)") as case:
        pooling = subject.build(dim=inputs.dim)
        what, wanted = "more padding changes the embedding", pool(pooling, *inputs.tensors())
        case.all_close(
            pool(pooling, *wider.tensors()),
            wanted,
            what,
            expected=f"as in {inputs.rows} rows",
            rtol=1e-5,
            atol=1e-5,
        )


@promise
def items_do_not_depend_on_each_other(subject: Subject) -> None:
    """An item has the same embedding alone, in a batch, and in a batch in another order."""
    inputs = Ragged()
    with (
        torch.no_grad(),
        trial(
            subject,
            inputs,
            "p(x, n), torch.cat([p(x[i : i + 1], n[i : i + 1]) for i in range(len(n))])",
        ) as case,
    ):
        pooling, (features, lengths) = subject.build(dim=inputs.dim), inputs.tensors()
        together = pool(pooling, features, lengths)
        for i, length in enumerate(inputs.lengths):
            alone = pool(pooling, features[i : i + 1], lengths[i : i + 1])
            expected = f"item {i}, of length {length}, as alone"
            case.all_close(
                items(together, slice(i, i + 1)),
                alone,
                "an item depends on the rest of its batch",
                expected=expected,
                rtol=1e-5,
                atol=1e-5,
            )
        order = torch.tensor([3, 0, 5, 1, 4, 2])
        shuffled, what = (
            pool(pooling, features[order], lengths[order]),
            "an item depends on its place in the batch",
        )
        case.all_close(
            shuffled,
            items(together, order),
            what,
            expected="the same embeddings in that order",
            rtol=1e-5,
            atol=1e-5,
        )


@promise
def items_do_not_meet_in_training(subject: Subject) -> None:
    """In training mode, too, no gradient goes from one item's embedding to another item's features
    (batch normalisation lets it).
    """
    inputs = Ragged()
    with trial(
        subject,
        inputs,
        "p.train(); x.requires_grad_(); p(x, n)[0].square().sum().backward(); x.grad[1:]",
        note="in training mode",
    ) as case:
        features, lengths = inputs.tensors()
        found = pool(subject.build(dim=inputs.dim).train(), features.requires_grad_(), lengths)
        torch.autograd.backward(square_sum(found, slice(0, 1)))
        assert features.grad is not None
        reached = (features.grad[1:] != 0).sum().item()
        case.require(
            reached == 0,
            "in training, an item's embedding depends on other items",
            expected="gradients of exactly 0",
            found=f"{reached} others",
        )


@promise
def order_of_the_rows_does_not_matter(subject: Subject) -> None:
    """Rows may come in any order, where the card claims so."""
    card = subject.component.card
    if not isinstance(card, PoolingCard) or not claimed(card.order_free, subject.params):
        raise NotCheckedError("its card does not claim it: PoolingCard(…, order_free=True)")
    inputs = Ragged()
    with (
        torch.no_grad(),
        trial(
            subject,
            inputs,
            "p(x, n), [p(x[i : i + 1, :k].flip(1), n[i : i + 1]) for i, k in enumerate(n)]",
        ) as case,
    ):
        pooling, (features, lengths) = subject.build(dim=inputs.dim), inputs.tensors()
        turned, shuffled = features.clone(), features.clone()
        for i, length in enumerate(inputs.lengths):
            turned[i, :length] = features[i, :length].flip(0)
            shuffled[i, :length] = features[
                i, torch.randperm(length, generator=torch.Generator().manual_seed(i))
            ]
        wanted = pool(pooling, features, lengths)
        for other in (turned, shuffled):
            what = (
                "the order of the rows changes the embedding, and its card claims that it does not"
            )
            case.all_close(
                pool(pooling, other, lengths),
                wanted,
                what,
                expected="as in the first order",
                rtol=1e-4,
                atol=1e-5,
            )


@promise
def a_nan_is_not_hidden(subject: Subject) -> None:
    """An item whose features are NaN has a NaN in its embedding, and no other item has."""
    inputs = Ragged()
    with (
        torch.no_grad(),
        trial(subject, inputs, "x[0] = float('nan'); p(x, n)", note="the first of NaN") as case,
    ):
        features, lengths = inputs.tensors()
        features[0] = math.nan
        found = pool(subject.build(dim=inputs.dim), features, lengths)
        bad = torch.stack(
            [t.isnan().flatten(1).any(dim=1) for t in found.values() if t.is_floating_point()]
        ).any(dim=0)
        case.require(
            bool(bad[0]),
            "it hides a NaN, so that a diverged run looks sound",
            expected="NaN in the first item's embedding",
            found="none",
        )
        case.require(
            not bad[1:].any(),
            "a NaN in one item reaches others",
            expected="NaN in the first only",
            found=f"NaN in items {bad.nonzero().flatten().tolist()}",
        )
