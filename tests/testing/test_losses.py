from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from tests.testing import broken_losses as made
from tests.testing.made import broken, only, results, subject
from vsebench.plugin import LossCard, OfflineSpec
from vsebench.testing import Pairs

CLAIMS = LossCard("a sum of hinges", non_negative=True, reduction="sum")
SQUARES = LossCard("a squared error", task="patterns", non_negative=True)
RANKS = LossCard("a sum of hinges", task="annotation", non_negative=True)

NEEDS = ("asks_for_the_offline_negatives_it_needs", "asks_for_the_global_negatives_it_needs")
OFFLINE = {
    "mines_negatives",
    "draws_the_roles_it_declares",
    "draws_no_positives",
    "draws_alike_from_one_stream",
}

MUTANTS: list[tuple[type, set[str]]] = [
    (made.LiveDiagnostics, {"gives_a_finite_scalar"}),
    (made.Negative, {"is_never_negative"}),
    (made.IgnoresPositives, {"siblings_are_no_negatives"}),
    (made.ReadsEmbeddingsOnlyAndIgnoresPositives, {"siblings_are_no_negatives"}),
    (made.PushesPairsApart, {"perfect_embeddings_are_best"}),
    (made.RootOfADistance, {"collapsed_embeddings_stay_finite"}),
    (made.WeighsByPlace, {"order_of_the_batch_does_not_matter"}),
    (made.Mean, {"scales_with_the_batch_as_declared"}),
    (made.WrongGradient, {"gradients_are_right"}),
    (made.OverflowsInHalf, {"works_in_half_precision"}),
    (made.DiffersUnderAutocast, {"works_under_autocast"}),
    (made.ReadsAValueBack, {"never_waits_for_the_device"}),
    (made.Remembers, {"its_state_is_in_its_state_dict", "gradients_are_right"}),
    (made.CPUOnly, {"follows_the_device_of_its_inputs"}),
]
RANKING_MUTANTS: list[tuple[type, set[str]]] = [
    (made.RankingMean, {"sums_over_negatives"}),
    (made.RankingNaN, {"a_draw_that_found_nothing_costs_nothing"}),
    (made.RankingBackwards, {"ranks_positives_higher"}),
    (made.RankingBelowZero, {"is_never_negative"}),
    (made.RankingKernel, {"its_kernel_is_the_same_loss"}),
]
PATTERN_MUTANTS: list[tuple[type, set[str]]] = [
    (made.SquaresToZero, {"the_target_costs_least"}),
    (made.SquaresBelowZero, {"is_never_negative"}),
    (made.SquaresDetached, {"gradients_are_right"}),
    (made.SquaresReadBack, {"never_waits_for_the_device"}),
]


@pytest.mark.parametrize(("loss", "promises"), MUTANTS, ids=[loss.__name__ for loss, _ in MUTANTS])
def test_what_breaks_a_promise_is_caught_by_its_check(loss: type, promises: set[str]) -> None:
    assert broken(subject("loss", loss, CLAIMS)) == promises


def test_a_division_by_the_number_of_negatives_is_caught() -> None:
    assert broken(subject("loss", made.DividesByNegatives, replace(CLAIMS, reduction=None))) == {
        "takes_a_batch_without_negatives"
    }


@pytest.mark.parametrize(
    ("asks", "promise"),
    [({"offline": OfflineSpec()}, NEEDS[0]), ({"sampled": True}, NEEDS[1])],
    ids=NEEDS,
)
def test_a_loss_that_ignores_what_it_asks_for_is_caught(asks: dict[str, Any], promise: str) -> None:
    assert broken(subject("loss", made.Sound, replace(CLAIMS, **asks))) == {promise}


@pytest.mark.parametrize("loss", [made.Sound, made.SoundModule, made.ReadsEmbeddings])
def test_a_sound_loss_keeps_every_promise(loss: type) -> None:
    found = results(subject("loss", loss, CLAIMS))
    assert {name: result.failure for name, result in found.items() if result.failure} == {}
    assert {name for name, result in found.items() if result.outcome == "skipped"} <= {
        "cuda_gives_the_same",
        *NEEDS,
        *OFFLINE,
    }


def test_a_loss_that_narrows_float64_is_told_what_to_write() -> None:
    failure = only(subject("loss", made.Narrows, CLAIMS), "gradients_are_right").failure
    assert "double" in failure.what.lower()
    assert (
        "x.to(torch.promote_types(x.dtype, torch.float32)), never by .float()" in failure.expected
    )


def test_what_is_no_scalar_is_said() -> None:
    failure = only(
        subject("loss", made.NotAScalar, CLAIMS), "collapsed_embeddings_stay_finite"
    ).failure
    assert failure.found == "a torch.float64 tensor of shape [6]"


def test_what_a_card_does_not_claim_is_not_checked() -> None:
    plain = subject("loss", made.Negative)
    assert (
        only(plain, "is_never_negative").reason
        == "its card does not claim it: LossCard(…, non_negative=True)"
    )
    assert (
        "twice the pairs give 2.00 times the loss"
        in only(plain, "scales_with_the_batch_as_declared").reason
    )
    constants = subject("loss", made.WrongGradient, replace(CLAIMS, constants=True))
    assert "constant" in only(constants, "gradients_are_right").reason


def test_a_failure_says_what_on_which_input_and_how_to_see_it_again() -> None:
    failure = only(
        subject("loss", made.IgnoresPositives, CLAIMS), "siblings_are_no_negatives"
    ).failure
    assert failure.what.startswith("it pushes siblings apart")
    assert failure.on == "a batch of 6 siblings pairs of size 16, pairs 1 and 2 marked as positives"
    assert "Pairs(law='siblings', batch=6, seed=0, masked='siblings').inputs()" in failure.reproduce


@pytest.mark.parametrize(
    ("loss", "promises"), RANKING_MUTANTS, ids=[loss.__name__ for loss, _ in RANKING_MUTANTS]
)
def test_what_breaks_a_promise_of_annotation_losses_is_caught_by_its_check(
    loss: type, promises: set[str]
) -> None:
    assert broken(subject("loss", loss, RANKS)) == promises


def test_a_sound_annotation_loss_keeps_every_promise() -> None:
    assert broken(subject("loss", made.Ranking, RANKS)) == set()


@pytest.mark.parametrize(
    ("loss", "promises"), PATTERN_MUTANTS, ids=[loss.__name__ for loss, _ in PATTERN_MUTANTS]
)
def test_what_breaks_a_promise_of_pattern_losses_is_caught_by_its_check(
    loss: type, promises: set[str]
) -> None:
    assert broken(subject("loss", loss, SQUARES)) == promises


def test_a_sound_pattern_loss_keeps_every_promise() -> None:
    assert broken(subject("loss", made.Squares, SQUARES)) == set()


def test_a_pattern_loss_of_each_row_is_no_scalar() -> None:
    assert "gives_a_finite_scalar" in broken(subject("loss", made.SquaresByRow, SQUARES))


@pytest.mark.parametrize("law", ["random", "siblings", "perfect", "collapsed", "two-groups"])
def test_pairs_are_unit_vectors(law: str) -> None:
    inputs = Pairs(law).inputs(roles=[f"r{i}" for i in range(12)])  # type: ignore[arg-type]
    assert inputs.offline is not None
    assert len(inputs.offline) == 12
    for vectors in (inputs.image, inputs.text, *inputs.offline.values()):
        torch.testing.assert_close(vectors.norm(dim=1), torch.ones(6, dtype=torch.float64))
    assert eval(repr(Pairs(law))) == Pairs(law)  # type: ignore[arg-type]


def test_the_two_groups_are_alike_and_far_apart() -> None:
    scores = Pairs("two-groups", batch=12).inputs().similarity
    torch.testing.assert_close(scores[:6, :6], scores[6:, 6:])
    assert scores[:6, 6:].max() < scores[:6, :6].min() - 1
