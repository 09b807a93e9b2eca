"""Similarities, batch plans, encoders, and the cards of all."""

from __future__ import annotations

import pytest

from tests.testing import broken_others as made
from tests.testing.made import broken, only, skipped, subject
from vsebench.plugin import Card, ImageEncoderCard, Paper, Param, TextEncoderCard
from vsebench.testing import checks
from vsebench.testing.report import run

SIMILARITIES: list[tuple[type, set[str]]] = [
    (made.SumOfMaxima, set()),
    (made.ReadsMaskedVectors, {"what_a_set_masks_is_never_read"}),
    (made.Transposed, {"scores_every_pair", "a_score_depends_on_its_pair_only"}),
    (made.NormalisedOverTheBlock, {"a_score_depends_on_its_pair_only"}),
    (made.WrongGradient, {"gradients_are_right"}),
    (made.CPUOnly, {"follows_the_device_of_its_inputs"}),
    (made.ClaimsInnerProducts, {"is_the_inner_product_it_claims"}),
]
PLANS: list[tuple[type, set[str]]] = [
    (made.Hardest, set()),
    (made.WithReplacement, {"visits_every_caption_once"}),
    (made.GlobalOrder, {"is_a_function_of_its_arguments"}),
]


@pytest.mark.parametrize(
    ("similarity", "promises"),
    SIMILARITIES,
    ids=[similarity.__name__ for similarity, _ in SIMILARITIES],
)
def test_similarities(similarity: type, promises: set[str]) -> None:
    assert broken(subject("similarity", similarity)) == promises


def test_a_similarity_that_scores_nothing_is_said() -> None:
    assert (
        only(subject("similarity", made.ScoresNothing), "scores_every_pair").failure.what
        == "it scores no type of embedding"
    )


@pytest.mark.parametrize(("plan", "promises"), PLANS, ids=[plan.__name__ for plan, _ in PLANS])
def test_batch_plans(plan: type, promises: set[str]) -> None:
    assert broken(subject("batch-plan", plan)) == promises


def test_encoders() -> None:
    assert broken(subject("image-encoder", made.SumsPadding)) == {"never_reads_padding"}
    assert broken(subject("image-encoder", made.Centred)) == {"items_do_not_depend_on_each_other"}
    assert broken(subject("image-encoder", made.ClaimsHalf)) == {
        "reads_half_precision_as_it_claims"
    }
    assert broken(subject("text-encoder", made.CountsPadding)) == {"never_reads_padding"}


def test_what_a_frozen_encoder_gives_can_be_kept() -> None:
    card, promise = TextEncoderCard("frozen", frozen=True), "its_frozen_features_can_be_kept"
    assert broken(subject("text-encoder", made.Frozen, card)) == set()
    for kind in (made.ForgetsAStep, made.MiscountsItsWidth):
        assert broken(subject("text-encoder", kind, card)) == {promise}
    unclaimed = TextEncoderCard("frozen", frozen=lambda params: False)
    assert broken(subject("text-encoder", made.ForgetsAStep, unclaimed)) == set()


def test_raw_images_are_not_checked() -> None:
    reasons = skipped(
        subject("image-encoder", made.SumsPadding, ImageEncoderCard("raw", raw_images=True))
    )
    assert set(reasons.values()) == {"it takes raw images, of which the kit has none"}


@pytest.mark.parametrize("spec", ["region", "grid"])
def test_image_encoders_of_the_suite(spec: str) -> None:
    assert {run(check).outcome for check in checks("image-encoder", spec)} == {"passed"}


@pytest.mark.parametrize("spec", ["bigru", "gru-last"])
def test_text_encoders_of_the_suite(spec: str) -> None:
    assert {run(check).outcome for check in checks("text-encoder", spec)} == {"passed"}


@pytest.mark.parametrize(
    ("made_of", "params", "what"),
    [
        (
            made.TakesTwo,
            (Param("a", 1), Param("c", 3)),
            "it registers a parameter 'c' that its class does not take",
        ),
        (made.TakesTwo, (Param("a", 4),), "its parameter 'a' has two defaults"),
        (made.NeedsSize, (), "its class needs 'size', which nobody gives it"),
    ],
)
def test_parameters_must_be_those_of_the_class(
    made_of: type, params: tuple[Param, ...], what: str
) -> None:
    assert (
        only(
            subject("batch-plan", made_of, params=params), "its_parameters_are_those_of_its_class"
        ).failure.what
        == what
    )


def test_parameters_that_agree_pass() -> None:
    assert (
        only(
            subject("batch-plan", made.TakesTwo, params=(Param("a", 1),)),
            "its_parameters_are_those_of_its_class",
        ).outcome
        == "passed"
    )
    assert (
        only(
            subject("image-encoder", made.SumsPadding), "its_parameters_are_those_of_its_class"
        ).outcome
        == "passed"
    )


@pytest.mark.parametrize(
    "card",
    [
        Card(""),
        Card("two\nlines"),
        Card("one", paper=Paper("", 2020)),
        Card("one", paper=Paper("a title", 2020, "arxiv.org/abs/1")),
    ],
)
def test_cards_must_be_complete(card: Card) -> None:
    assert (
        only(subject("batch-plan", made.Hardest, card), "its_card_says_what_it_is").outcome
        == "failed"
    )
