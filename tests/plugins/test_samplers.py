"""The samplers' laws: against enumeration by chi-square, in both forms, and at the edges."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import chisquare

from tests.oracles import samplers as oracle
from vsebench.plugin import DrawKey, Draws, Positives, SamplerState
from vsebench_plugins.ens.sampler import AoBPR, VSEens
from vsebench_plugins.sampling.independent import Popularity, Uniform
from vsebench_plugins.sampling.scored import DNS, SoftmaxOracle, Warp

A, K, IMAGES = 11, 5, 12
PLAIN, ONE_LEFT, ALL_LABELS, NO_LABEL = 0, 9, 10, 11
LEFT = 4  # the label that image ONE_LEFT does not have
DRAWS = 20_000

LAWS = {
    "uniform": (Uniform(), lambda v, Q, p, negatives, counts: oracle.uniform(negatives, len(Q))),
    "popularity": (
        Popularity(),
        lambda v, Q, p, negatives, counts: oracle.popularity(counts, 1, negatives),
    ),
    "popularity-0.5": (
        Popularity(0.5),
        lambda v, Q, p, negatives, counts: oracle.popularity(counts, 0.5, negatives),
    ),
    "warp": (Warp(), lambda v, Q, p, negatives, counts: oracle.warp(v, Q, p, negatives)),
    "warp-2": (
        Warp(trials=2, xi="mean"),
        lambda v, Q, p, negatives, counts: oracle.warp(v, Q, p, negatives),
    ),
    "dns": (DNS(3), lambda v, Q, p, negatives, counts: oracle.dns(v, Q, 3, 1, negatives)),
    "dns-best-2": (DNS(3, 2), lambda v, Q, p, negatives, counts: oracle.dns(v, Q, 3, 2, negatives)),
    "softmax-oracle": (
        SoftmaxOracle(0.7),
        lambda v, Q, p, negatives, counts: oracle.softmax(v, Q, 0.7, negatives),
    ),
    "vse-ens": (
        VSEens(lam=0.2),
        lambda v, Q, p, negatives, counts: oracle.rank_by_factor(v, Q, 2.0, negatives),
    ),
    # Of 11 labels, draws reach the four at either end alone
    "vse-ens-sharp": (
        VSEens(ranks=0.1),
        lambda v, Q, p, negatives, counts: oracle.rank_by_factor(v, Q, 0.1, negatives),
    ),
    "vse-ens-variance": (
        VSEens(ranks=3.0, spread="variance"),
        lambda v, Q, p, negatives, counts: oracle.rank_by_factor(
            v, Q, 3, negatives, oracle.variance
        ),
    ),
    "aobpr": (
        AoBPR(2.0),
        lambda v, Q, p, negatives, counts: oracle.adaptive_oversampling(v, Q, 2.0, negatives),
    ),
}
EVERY = pytest.mark.parametrize(("sampler", "law"), LAWS.values(), ids=LAWS)
FORMS = pytest.mark.parametrize("form", ["compiled", "vectorised"])


@pytest.fixture(scope="module")
def state() -> SamplerState:
    """Twelve images: nine with a few labels, one that lacks a single label, one with all and one
    with none.
    """
    rng = np.random.default_rng(3)
    few = [rng.choice(A, rng.integers(1, 6), replace=False) for _ in range(9)]
    rows = [*few, np.delete(np.arange(A), LEFT), np.arange(A), np.zeros(0, int)]
    positives = Positives.from_pairs(
        np.repeat(np.arange(IMAGES), [len(r) for r in rows]), np.concatenate(rows), IMAGES, A
    )
    spread = torch.tensor([0.3, 1.0, 2.0, 0.1, 0.7])
    generator = torch.Generator().manual_seed(0)
    return SamplerState(
        0.5 * torch.randn(IMAGES, K, generator=generator),
        torch.randn(A, K, generator=generator) * spread,
        positives,
    )


def draws(
    sampler: Any, state: SamplerState, anchor: int, form: str, count: int = DRAWS, k: int = 1
) -> Draws:
    sampler.refresh(state)
    row = state.positives.row(int(state.images_of(torch.tensor([anchor]))[0]))
    pair = torch.full((count,), anchor), torch.full((count,), int(row[0]) if len(row) else 0)
    return getattr(sampler, form)(state, *pair, k, DrawKey(1, 2))


def negatives_of(state: SamplerState, image: int) -> list[int]:
    return sorted(set(range(A)) - set(state.positives.row(image).tolist()))


def expected(law: Any, state: SamplerState, image: int) -> np.ndarray:
    row = state.positives.row(image)
    vector, counts = state.P[image].tolist(), state.positives.popularity().tolist()
    return np.array(
        law(
            vector,
            state.Q.tolist(),
            int(row[0]) if len(row) else 0,
            negatives_of(state, image),
            counts,
        )
    )


def p_value(found: torch.Tensor, law: np.ndarray) -> float:
    labels = found[found >= 0].numpy()
    observed = np.bincount(labels, minlength=len(law))
    assert not observed[law == 0].any()
    return float(chisquare(observed[law > 0], law[law > 0] * len(labels)).pvalue)


@EVERY
@FORMS
@pytest.mark.parametrize("image", [PLAIN, 3, NO_LABEL])
def test_draws_follow_the_law(
    sampler: Any, law: Any, form: str, state: SamplerState, image: int
) -> None:
    assert p_value(draws(sampler, state, image, form).negatives, expected(law, state, image)) > 1e-3


@EVERY
def test_a_law_that_is_slightly_wrong_is_found_out(
    sampler: Any, law: Any, state: SamplerState
) -> None:
    right = expected(law, state, PLAIN)
    wrong = right.copy()
    likely = int(right.argmax())
    wrong[likely] *= 0.88
    wrong[right > 0] += 0.12 * right[likely] / (right > 0).sum()
    assert p_value(draws(sampler, state, PLAIN, "compiled").negatives, wrong) < 1e-4


def test_neighbouring_laws_are_told_apart(state: SamplerState) -> None:
    found = draws(VSEens(lam=0.2), state, PLAIN, "compiled").negatives
    vector, Q, negatives = state.P[PLAIN].tolist(), state.Q.tolist(), negatives_of(state, PLAIN)
    for scale, spread in ((2.0, oracle.variance), (2.5, oracle.deviation), (1.0, oracle.deviation)):
        assert (
            p_value(found, np.array(oracle.rank_by_factor(vector, Q, scale, negatives, spread)))
            < 1e-4
        )


@EVERY
@pytest.mark.parametrize("image", [PLAIN, 3, 5])
def test_the_exact_law_equals_enumeration(
    sampler: Any, law: Any, state: SamplerState, image: int
) -> None:
    sampler.refresh(state)
    np.testing.assert_allclose(
        sampler.law(state, image, int(state.positives.row(image)[0])),
        expected(law, state, image),
        rtol=1e-5,
        atol=1e-9,
    )


@pytest.mark.parametrize("factors", [1, 15, 16, 17, 40, 100])
def test_both_forms_draw_the_same_factors_whatever_their_number(
    state: SamplerState, factors: int
) -> None:
    """The compiled form sums them in blocks."""
    generator = torch.Generator().manual_seed(factors)
    wide = SamplerState(
        torch.randn(IMAGES, factors, generator=generator),
        torch.randn(A, factors, generator=generator),
        state.positives,
    )
    wide.P[1] = 0  # all factors are as likely
    sampler, anchors = VSEens(lam=0.2), torch.arange(IMAGES).repeat(500)
    sampler.refresh(wide)
    compiled, vectorised = (
        form(wide, anchors, torch.zeros_like(anchors), 1, DrawKey(5, 6))
        for form in (sampler.compiled, sampler.vectorised)
    )
    assert torch.equal(compiled.negatives, vectorised.negatives)


@EVERY
@pytest.mark.parametrize("k", [1, 3])
def test_both_forms_draw_the_same(sampler: Any, law: Any, state: SamplerState, k: int) -> None:
    sampler.refresh(state)
    anchors = torch.arange(IMAGES).repeat(300)
    positives = torch.tensor(
        [
            int(state.positives.row(i)[0]) if len(state.positives.row(i)) else 0
            for i in range(IMAGES)
        ]
    ).repeat(300)
    compiled, vectorised = (
        form(state, anchors, positives, k, DrawKey(5, 6))
        for form in (sampler.compiled, sampler.vectorised)
    )
    assert torch.equal(compiled.negatives, vectorised.negatives)
    assert torch.equal(compiled.trials, vectorised.trials)
    torch.testing.assert_close(compiled.weight, vectorised.weight)
    assert compiled.weight.dtype == vectorised.weight.dtype == torch.float32


@EVERY
@FORMS
def test_no_draw_is_a_training_positive(
    sampler: Any, law: Any, form: str, state: SamplerState
) -> None:
    assert not sampler.may_draw_positives
    for image in range(IMAGES):
        found = set(draws(sampler, state, image, form, 500, k=2).negatives.flatten().tolist()) - {
            -1
        }
        assert found <= set(negatives_of(state, image))


@EVERY
@FORMS
def test_the_only_negative_is_found(sampler: Any, law: Any, form: str, state: SamplerState) -> None:
    drawn = draws(sampler, state, ONE_LEFT, form, 200)
    assert set(drawn.negatives.flatten().tolist()) <= {LEFT, -1}
    if not isinstance(sampler, Warp):  # which draws violators only
        assert (drawn.negatives == LEFT).all()


@EVERY
@FORMS
def test_an_image_with_every_label_gives_nothing(
    sampler: Any, law: Any, form: str, state: SamplerState
) -> None:
    drawn = draws(sampler, state, ALL_LABELS, form, 50)
    assert (drawn.negatives == -1).all()
    assert (drawn.trials == 0).all()
    assert (drawn.weight == 1).all()


@EVERY
@FORMS
def test_a_draw_depends_on_its_own_number_only(
    sampler: Any, law: Any, form: str, state: SamplerState
) -> None:
    whole = draws(sampler, state, PLAIN, form, 64)
    assert torch.equal(whole.negatives[:10], draws(sampler, state, PLAIN, form, 10).negatives)
    pairs = (
        torch.zeros(32, dtype=torch.int64),
        torch.full((32,), int(state.positives.row(PLAIN)[0])),
    )
    two_each = getattr(sampler, form)(state, *pairs, 2, DrawKey(1, 2))
    assert torch.equal(two_each.negatives.flatten(), whole.negatives.flatten())
    other = getattr(sampler, form)(state, *pairs, 2, DrawKey(1, 3))
    assert not torch.equal(two_each.negatives, other.negatives)


@EVERY
@FORMS
def test_an_empty_batch(sampler: Any, law: Any, form: str, state: SamplerState) -> None:
    assert draws(sampler, state, PLAIN, form, 0, k=2).negatives.shape == (0, 2)


@EVERY
@FORMS
def test_rows_may_belong_to_other_images(
    sampler: Any, law: Any, form: str, state: SamplerState
) -> None:
    images = torch.tensor([7, PLAIN, 7])
    moved = SamplerState(state.P[images], state.Q, state.positives, images)
    a, b = draws(sampler, moved, 1, form, 100), draws(sampler, state, PLAIN, form, 100)
    assert torch.equal(a.negatives, b.negatives)
    sampler.refresh(moved)
    np.testing.assert_array_equal(sampler.law(moved, 1, 0), sampler.law(state, PLAIN, 0))


@FORMS
def test_a_vector_of_zeros_takes_every_factor_alike(form: str, state: SamplerState) -> None:
    zero = SamplerState(torch.zeros_like(state.P), state.Q, state.positives)
    sampler = VSEens(lam=0.2)
    found = draws(sampler, zero, PLAIN, form).negatives
    assert p_value(found, sampler.law(zero, PLAIN, 0)) > 1e-3


def test_vse_ens_is_adaptive_oversampling(state: SamplerState) -> None:
    """Same law, from either paper's own derivation, and therefore the same draws."""
    Q, ours, theirs = state.Q.tolist(), VSEens(ranks=2.5), AoBPR(2.5)
    for image in range(9):
        arguments = state.P[image].tolist(), Q, 2.5, negatives_of(state, image)
        np.testing.assert_allclose(
            oracle.rank_by_factor(*arguments), oracle.adaptive_oversampling(*arguments), rtol=1e-9
        )
        assert torch.equal(
            draws(ours, state, image, "compiled", 200).negatives,
            draws(theirs, state, image, "compiled", 200).negatives,
        )


@pytest.mark.parametrize("n_labels", [1, 2, 3, 300, 1000, 1001])
@FORMS
def test_the_published_lambda_holds_for_any_number_of_labels(form: str, n_labels: int) -> None:
    positives = Positives(np.array([0, 0]), np.zeros(0, np.int32), n_labels)
    state = SamplerState(
        torch.ones(1, 2), torch.arange(2.0 * n_labels).view(n_labels, 2), positives
    )
    sampler = VSEens()
    found = draws(sampler, state, 0, form, 2000).negatives
    scale = 0.001 * (n_labels - 1)
    first = -math.expm1(-1 / scale) if scale else 1.0  # of a geometric law
    assert (found == n_labels - 1).double().mean().item() == pytest.approx(first, abs=0.04)
    assert sampler.refresh_every(n_labels) == max(1, int(n_labels * math.log(n_labels)))


@pytest.mark.parametrize(
    ("xi", "weight"), [("top", oracle.harmonic), ("mean", lambda rank: rank / (A - 1))]
)
@FORMS
def test_warp_weighs_by_its_estimate_of_the_rank(
    form: str, xi: Any, weight: Any, state: SamplerState
) -> None:
    drawn = draws(Warp(trials=4, xi=xi), state, PLAIN, form, 400)
    for label, trials, found in zip(
        drawn.negatives.flatten().tolist(),
        drawn.trials.flatten().tolist(),
        drawn.weight.flatten().tolist(),
        strict=True,
    ):
        assert (
            (label, trials, found) == (-1, 4, 1)
            if label < 0
            else found == pytest.approx(weight((A - 1) // trials))
        )
    assert drawn.trials.min() == 1
    assert (drawn.negatives < 0).any()


@FORMS
def test_warps_trials_are_geometric(form: str, state: SamplerState) -> None:
    """The chance of a violator is its share of the negatives."""
    sampler = Warp(trials=50)
    drawn = draws(sampler, state, PLAIN, form)
    share = (sampler.law(state, PLAIN, int(state.positives.row(PLAIN)[0])) > 0).sum() / len(
        negatives_of(state, PLAIN)
    )
    observed = np.bincount(drawn.trials.flatten().numpy().clip(max=6), minlength=7)[1:]
    law = np.array([share * (1 - share) ** t for t in range(5)] + [(1 - share) ** 5])
    assert chisquare(observed, law * observed.sum()).pvalue > 1e-3


@FORMS
def test_warp_without_a_violator_gives_nothing(form: str, state: SamplerState) -> None:
    easy = SamplerState(torch.ones(IMAGES, 1), torch.zeros(A, 1), state.positives)
    easy.Q[int(state.positives.row(PLAIN)[0])] = 10
    drawn = draws(Warp(), easy, PLAIN, form, 5)
    assert (drawn.negatives == -1).all()
    assert (drawn.trials == A - 1).all()


def test_a_law_of_few_ranks_draws_the_same_from_a_checkpoint(state: SamplerState) -> None:
    sampler, restored = VSEens(lam=0.01), VSEens(lam=0.01)
    sampler.refresh(state)
    restored.load_state_dict(sampler.state_dict())
    kernels = sampler.kernel(), restored.kernel()
    for ours, theirs in zip(*(kernel.tables for kernel in kernels), strict=True):
        np.testing.assert_array_equal(ours, theirs)
