"""The triplet hinge on sampled negatives."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch.nn.functional import normalize

from vsebench.plugin import LossInputs, LossOutput, SampledInputs, SpecError
from vsebench_plugins.classic.losses import Triplet
from vsebench_plugins.global_negatives.loss import TripletGlobal


def batch(size: int = 5, dim: int = 4) -> LossInputs:
    generator = torch.Generator().manual_seed(size)
    vectors = [
        normalize(torch.randn(size, dim, generator=generator, dtype=torch.float64), dim=1)
        for _ in range(4)
    ]
    found = [torch.rand(size, generator=generator) < 0.6 for _ in range(2)]
    return LossInputs(
        vectors[0],
        vectors[1],
        torch.eye(size, dtype=torch.bool),
        sampled=SampledInputs(vectors[2], vectors[3], *found),
    )


def value(loss: TripletGlobal, inputs: LossInputs) -> LossOutput:
    return loss(inputs)


@pytest.mark.parametrize("size", [1, 5, 9])
def test_equals_the_sum_over_pairs(size: int) -> None:
    inputs = batch(size)
    drawn = inputs.sampled
    assert drawn is not None
    total, active = 0.0, 0
    for i in range(size):
        own = float(inputs.image[i] @ inputs.text[i])
        for found, score in (
            (drawn.text_found[i], inputs.image[i] @ drawn.text[i]),
            (drawn.image_found[i], drawn.image[i] @ inputs.text[i]),
        ):
            hinge = max(0.0, 0.2 + float(score) - own) if found else 0.0
            total, active = total + hinge, active + (hinge > 0)
    output = value(TripletGlobal(), inputs)
    assert float(output.loss) == pytest.approx(total)
    assert float(output.diagnostics["violation_rate"]) == pytest.approx(active / (2 * size))
    assert float(value(TripletGlobal(reduction="mean"), inputs).loss) == pytest.approx(total / size)


def test_is_the_triplet_where_the_hardest_of_the_batch_were_drawn() -> None:
    inputs = batch()
    scores = inputs.similarity.masked_fill(inputs.positives, -torch.inf)
    every = torch.ones(5, dtype=torch.bool)
    hardest = SampledInputs(
        inputs.text[scores.argmax(1)], inputs.image[scores.argmax(0)], every, every
    )
    assert float(
        value(TripletGlobal(), dataclasses.replace(inputs, sampled=hardest)).loss
    ) == pytest.approx(float(Triplet()(inputs)))


def test_negatives_that_were_not_found_have_no_gradient() -> None:
    inputs = batch()
    drawn = inputs.sampled
    assert drawn is not None
    text = drawn.text.clone().requires_grad_()
    value(
        TripletGlobal(margin=2),
        dataclasses.replace(inputs, sampled=dataclasses.replace(drawn, text=text)),
    ).loss.backward()  # type: ignore[no-untyped-call]
    assert text.grad is not None
    assert torch.equal(text.grad.abs().sum(1) > 0, drawn.text_found)


def test_says_what_it_lacks() -> None:
    with pytest.raises(SpecError, match="'triplet-global' needs global negatives"):
        TripletGlobal()(dataclasses.replace(batch(), sampled=None))
