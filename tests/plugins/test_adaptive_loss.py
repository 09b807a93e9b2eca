"""The adaptive objective: published fixtures, the number of negatives, and its identity with
InfoNCE.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import pytest
import torch
from torch.nn.functional import normalize
from torch.testing import assert_close
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from vsebench.plugin import LossInputs, Progress
from vsebench_plugins.adaptive.loss import (
    Adaptive,
    adaptive_count,
    adaptive_queries,
    hardest_first,
    hardest_first_as_released,
    spread,
)
from vsebench_plugins.contrastive.losses import InfoNCE

CAPTIONS_BY_IMAGES = torch.tensor(
    [
        [0.30, 0.10, 0.05, 0.02],
        [0.12, 0.25, 0.08, 0.04],
        [0.06, 0.02, 0.20, 0.15],
        [0.01, 0.03, 0.18, 0.35],
    ]
)


def inputs(
    scores: torch.Tensor, positives: torch.Tensor | None = None, step: int | None = None
) -> LossInputs:
    mask = torch.eye(len(scores), dtype=torch.bool) if positives is None else positives
    return LossInputs(
        scores,
        scores,
        mask,
        similarity=scores,
        progress=None if step is None else Progress(0, step, 1000),
    )


def random_scores(batch: int, seed: int = 0) -> torch.Tensor:
    return (
        torch.randn(
            batch, batch, generator=torch.Generator().manual_seed(seed), dtype=torch.float64
        )
        / 3
    )


@pytest.mark.parametrize("reference", [False, True])
def test_fixture_f6(reference: bool) -> None:
    """n stays below the number of positive scores, so the released code's ranking picks no pair as
    its own negative.
    """
    measured = spread(CAPTIONS_BY_IMAGES)
    assert measured.align.item() == pytest.approx(0.275)
    assert measured.unif.item() == pytest.approx(0.949096, abs=1e-6)
    assert adaptive_count(*measured, 4).item() == 2
    ranked = (
        hardest_first_as_released
        if reference
        else partial(hardest_first, positives=torch.eye(4, dtype=torch.bool))
    )
    from_captions, from_images = (
        adaptive_queries(rows, ranked(rows), 2).loss.mean().item()
        for rows in (CAPTIONS_BY_IMAGES, CAPTIONS_BY_IMAGES.T)
    )
    assert from_captions == pytest.approx(1.763541, abs=1e-6)
    assert from_images == pytest.approx(1.763898, abs=1e-6)
    output = Adaptive(reference=reference)(inputs(CAPTIONS_BY_IMAGES.T))
    assert output.loss.item() == pytest.approx(1.763720, abs=1e-6)
    assert output.diagnostics["n"].item() == 2


@pytest.mark.parametrize(
    ("align", "unif", "n"),
    [
        (0, 1, 70),
        (0.1, 1, 56),
        (0.2, 1, 40),
        (0.3, 1, 24),
        (0.4, 1, 7),
        (0.5, 1, 1),
        (0.5, 0.9, 7),
        (0.7, 0.8, 1),
        (0.7, 0.5, 40),
        (-0.9, 0.4, 127),
    ],
)
def test_fixture_f7(align: float, unif: float, n: int) -> None:
    assert adaptive_count(torch.tensor(align), torch.tensor(unif), 128).item() == n


def test_aligned_orthonormal_pairs_keep_one_negative_and_no_loss() -> None:
    output = Adaptive()(inputs(torch.eye(128)))
    assert output.diagnostics["n"].item() == 1
    assert output.loss.item() < 1e-6
    assert output.diagnostics["contributing"].item() == 0


def test_collapsed_pairs_use_eleven_negatives_of_128() -> None:
    output = Adaptive()(inputs(torch.ones(128, 128)))
    assert output.diagnostics["n"].item() == 11
    assert output.diagnostics["contributing"].item() == 11
    assert output.loss.item() == pytest.approx(math.log1p(11 * math.exp(4)), rel=1e-6)


@pytest.mark.parametrize("siblings", [False, True])
@pytest.mark.parametrize("temperature", [0.05, 0.7])
def test_with_every_negative_and_no_margin_it_is_infonce(
    siblings: bool, temperature: float
) -> None:
    scores, positives = random_scores(9), torch.eye(9, dtype=torch.bool)
    if siblings:  # one image with two captions has equal rows
        scores[2] = scores[1]
        positives[1, 2] = positives[2, 1] = True
    batch = inputs(scores.requires_grad_(), positives)
    adaptive = Adaptive(tau=temperature, margin=0.0, mode="constant", const=8)(batch).loss
    infonce = InfoNCE(temperature=temperature)(batch).loss
    assert_close(adaptive, infonce)
    if not siblings:
        assert_close(*(torch.autograd.grad(loss, scores)[0] for loss in (adaptive, infonce)))


def test_the_released_ranking_makes_pairs_negatives_of_themselves() -> None:
    """With negative scores off the diagonal the pair itself is ranked first: a floor of ln(1 +
    e^(margin / tau)).
    """
    scores = torch.eye(6) - 0.5
    floor = math.log1p(math.exp(0.2 / 0.05))
    assert Adaptive(mode="constant", const=1, reference=True)(
        inputs(scores)
    ).loss.item() == pytest.approx(floor, rel=1e-6)
    assert Adaptive(mode="constant", const=1)(inputs(scores)).loss.item() < 1e-6


def test_the_released_ranking_ignores_the_sibling_mask() -> None:
    scores, siblings = random_scores(5), torch.ones(5, 5, dtype=torch.bool)
    assert_close(
        Adaptive(reference=True)(inputs(scores, siblings)).loss,
        Adaptive(reference=True)(inputs(scores)).loss,
    )
    assert Adaptive()(inputs(scores, siblings)).loss.item() == 0


def test_random_counts_are_a_function_of_the_step() -> None:
    loss, scores = Adaptive(mode="random"), random_scores(64)

    def n(step: int | None) -> float:
        return loss(inputs(scores, step=step)).diagnostics["n"].item()

    drawn = [n(step) for step in range(20)]
    assert drawn == [n(step) for step in range(20)]
    assert n(None) == drawn[0]
    assert len(set(drawn)) > 10
    assert all(1 <= count <= 63 for count in drawn)


def test_random_counts_reach_the_loss() -> None:
    """Each direction with the count drawn for it; every pair of counts gives a loss of its own."""
    scores, positives, counts = random_scores(12), torch.eye(12, dtype=torch.bool), range(1, 12)
    images, captions = (
        [
            adaptive_queries(rows, hardest_first(rows, positives), n).loss.mean().item()
            for n in counts
        ]
        for rows in (scores, scores.T)
    )
    for step in range(5):
        output = Adaptive(mode="random")(inputs(scores, step=step))
        drawn = [
            (n, m)
            for n in counts
            for m in counts
            if output.loss.item() == pytest.approx((images[n - 1] + captions[m - 1]) / 2, rel=1e-12)
        ]
        assert output.diagnostics["n"].item() in [(n + m) / 2 for n, m in drawn]
    assert Adaptive(mode="random")(inputs(scores[:1, :1])).loss.item() == 0


def test_contributing_negatives_are_those_with_a_gradient() -> None:
    scores = random_scores(10).requires_grad_()
    queries = adaptive_queries(scores, hardest_first(scores, torch.eye(10, dtype=torch.bool)), 4)
    gradient = torch.autograd.grad(queries.loss.sum(), scores)[0] * 0.05
    assert_close(queries.contributing, (gradient > 1e-3).sum(dim=1))
    assert (queries.contributing <= 4).all()


def test_the_count_stays_on_the_device_and_carries_no_gradient() -> None:
    """On the meta device any look at a value raises."""
    scores = torch.zeros(8, 8, device="meta", requires_grad=True)
    batch = LossInputs(
        scores, scores, torch.zeros(8, 8, dtype=torch.bool, device="meta"), similarity=scores
    )
    for reference in (False, True):
        output = Adaptive(reference=reference)(batch)
        assert output.loss.requires_grad
        assert not any(scalar.requires_grad for scalar in output.diagnostics.values())


class Sizes(TorchDispatchMode):
    """Notes the number of elements of the largest tensor that any operation returns."""

    largest = 0

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        returned = function(*args, **(kwargs or {}))
        self.largest = max(
            [
                self.largest,
                *(leaf.numel() for leaf in tree_leaves(returned) if isinstance(leaf, torch.Tensor)),
            ]
        )
        return returned


@pytest.mark.parametrize("reference", [False, True])
def test_no_embedding_is_copied_for_each_pair(reference: bool) -> None:
    """methods P7: the released code gathers embeddings [B, n, D] for the negatives of each query,
    forward and backward.
    """
    generator = torch.Generator().manual_seed(0)
    image, text = (
        normalize(torch.randn(16, 64, generator=generator), dim=1).requires_grad_()
        for _ in range(2)
    )
    with Sizes() as sizes:
        output = Adaptive(reference=reference)(
            LossInputs(image, text, torch.eye(16, dtype=torch.bool))
        )
        output.loss.backward()
    assert output.diagnostics["n"] > 4
    assert sizes.largest == image.numel()  # its gradient


def test_diagnostics_are_scalars() -> None:
    output: Any = Adaptive()(inputs(random_scores(5)))
    assert set(output.diagnostics) == {"n", "align", "unif", "contributing"}
    assert all(scalar.ndim == 0 for scalar in output.diagnostics.values())
