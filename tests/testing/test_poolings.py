from __future__ import annotations

import pytest
import torch

from tests.testing import broken_poolings as made
from tests.testing.made import broken, only, results, subject
from vsebench.plugin import Card, PoolingCard
from vsebench.testing import Ragged
from vsebench.testing.poolings.cost import costs

CLAIMS = PoolingCard("claims everything", order_free=True, graphs=1)

MUTANTS: list[tuple[type, set[str]]] = [
    (made.LiveDiagnostics, {"gives_an_embedding_per_item"}),
    (made.WrongDtype, {"gives_an_embedding_per_item", "works_in_half_precision"}),
    (made.OneRowIsZero, {"takes_one_row_and_full_items"}),
    (made.NeedsAnItem, {"takes_an_empty_batch"}),
    (made.NeedsContiguous, {"takes_any_memory_layout"}),
    (made.ZeroesPaddingInPlace, {"leaves_its_inputs_alone"}),
    (made.MultipliesByTheMask, {"never_reads_padding", "more_padding_changes_nothing"}),
    (made.DividesByAllRows, {"more_padding_changes_nothing", "takes_one_row_and_full_items"}),
    (
        made.SubtractsTheBatch,
        {
            "items_do_not_depend_on_each_other",
            "items_do_not_meet_in_training",
            "takes_one_row_and_full_items",
            "a_nan_is_not_hidden",
        },
    ),
    (made.BatchNormalised, {"items_do_not_meet_in_training"}),
    (made.HidesNaN, {"a_nan_is_not_hidden"}),
    (made.ShowsItsWeights, set()),
    (made.ShowsOtherWeights, {"shows_the_weights_that_it_uses"}),
    (made.WeighsPadding, {"shows_the_weights_that_it_uses"}),
    (made.WeighsInAnotherShape, {"shows_the_weights_that_it_uses"}),
    (made.WrongGradient, {"gradients_are_right"}),
    (made.DiffersUnderAutocast, {"works_under_autocast"}),
    (made.SinglePrecisionOnly, {"works_in_half_precision", "gradients_are_right"}),
    (made.DiffersWithoutGradients, {"is_deterministic"}),
    (made.StateInAnAttribute, {"its_state_is_in_its_state_dict"}),
    (made.CPUOnly, {"follows_the_device_of_its_inputs"}),
]


@pytest.mark.parametrize(
    ("pooling", "promises"), MUTANTS, ids=[pooling.__name__ for pooling, _ in MUTANTS]
)
def test_what_breaks_a_promise_is_caught_by_its_check(pooling: type, promises: set[str]) -> None:
    assert broken(subject("pooling", pooling)) == promises


@pytest.mark.parametrize(
    ("pooling", "promise"),
    [
        (made.First, "order_of_the_rows_does_not_matter"),
        (made.BreaksTheGraph, "compiles_as_declared"),
    ],
)
def test_a_card_is_held_to_its_claims(pooling: type, promise: str) -> None:
    assert broken(subject("pooling", pooling, CLAIMS)) == {promise}
    assert only(subject("pooling", pooling, Card("claims nothing")), promise).outcome == "skipped"


@pytest.mark.parametrize("pooling", [made.Sound, made.SoundGaussian])
def test_a_sound_pooling_keeps_every_promise(pooling: type) -> None:
    found = results(subject("pooling", pooling, CLAIMS))
    assert {name: result.failure for name, result in found.items() if result.failure} == {}
    assert {name for name, result in found.items() if result.outcome == "skipped"} <= {
        "cuda_gives_the_same",
        "shows_the_weights_that_it_uses",
    }


def test_a_sound_set_keeps_every_promise() -> None:
    assert broken(subject("pooling", made.SoundSet, PoolingCard("a set", graphs=1))) == set()


def test_a_pooling_that_keeps_to_float32_is_told_what_to_write() -> None:
    narrows = subject("pooling", made.Narrows)
    assert (
        "x.to(torch.promote_types(x.dtype, torch.float32)), never by .float()"
        in only(narrows, "gradients_are_right").failure.expected
    )
    failure = only(narrows, "works_in_half_precision").failure
    assert failure.what == "its embedding has another dtype than its features"
    assert (
        failure.expected == "torch.float16: return it .to(features.dtype), and widen by "
        "x.to(torch.promote_types(x.dtype, torch.float32))"
    )


def test_what_is_no_embedding_is_said() -> None:
    failure = only(subject("pooling", made.ReturnsAList), "takes_one_row_and_full_items").failure
    assert (failure.what, failure.found) == ("it returns something that is no embedding", "list")


def test_a_failure_says_what_on_which_input_and_how_to_see_it_again() -> None:
    failure = only(subject("pooling", made.MultipliesByTheMask), "never_reads_padding").failure
    assert failure.what == "it reads padding"
    assert (
        failure.on == "6 items of lengths 9, 4, 6, 1, 2, 1 in 9 rows of size 16, padding holds inf"
    )
    assert failure.expected == "as with zeros in the padding"
    assert failure.found.startswith("nan instead of ")
    assert 'padding=float("inf")' in failure.reproduce
    assert str(failure).splitlines()[0] == failure.what


def test_a_crash_is_a_failure_with_its_input() -> None:
    failure = only(subject("pooling", made.NeedsAnItem), "takes_an_empty_batch").failure
    assert failure.what.startswith("it raises IndexError") or failure.what.startswith(
        "it raises RuntimeError"
    )
    assert failure.on.startswith("0 items of lengths none")


def test_undeclared_graphs_are_counted() -> None:
    reason = only(subject("pooling", made.BreaksTheGraph), "compiles_as_declared").reason
    assert reason.endswith("it has 2: PoolingCard(…, graphs=2)")


def test_inputs_make_themselves_again() -> None:
    for inputs in (
        Ragged(),
        Ragged((2, 1), rows=3, padding=float("nan")),
        Ragged(padding=float("-inf")),
    ):
        again = eval(repr(inputs), {"Ragged": Ragged, "float": float})
        torch.testing.assert_close(
            again.tensors(), inputs.tensors(), equal_nan=True, rtol=0, atol=0
        )
    narrow, wide = Ragged((2, 1), rows=2).tensors()[0], Ragged((2, 1), rows=5).tensors()[0]
    assert torch.equal(narrow[0], wide[0, :2])


def test_costs_stand_beside_mean_and_max() -> None:
    own, mean, largest = costs(subject("pooling", made.Sound))
    assert (own.name, mean.name, largest.name) == ("Sound", "mean", "max")
    assert own.parameters == 256 * 256 + 256
    assert own.milliseconds > 0
    assert own.saved_mb > mean.saved_mb
