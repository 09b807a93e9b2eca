from __future__ import annotations

import numpy as np
import pytest

from tests.testing import broken_samplers as made
from tests.testing.made import broken, only, skipped, subject
from vsebench.testing import World
from vsebench.testing.samplers.world import check_law, check_same_law, trial

MUTANTS: list[tuple[type, set[str]]] = [
    (made.DoublePrecisionWeights, {"gives_draws_of_the_right_kind"}),
    (made.Biased, {"draws_follow_its_law"}),
    (made.NoLaw, {"never_draws_a_positive", "knows_edge_anchors"}),
    (made.OtherKernel, {"its_kernel_has_the_same_law"}),
    (made.CountsTrialsOfNothing, {"knows_edge_anchors"}),
    (
        made.GlobalNumbers,
        {
            "same_key_same_draws",
            "a_draw_depends_on_its_number_only",
            "rows_may_be_other_images",
            "a_refresh_forgets_the_past",
        },
    ),
    (made.IgnoresTheStep, {"another_key_gives_other_draws"}),
    (made.NumbersColumnsFirst, {"a_draw_depends_on_its_number_only"}),
    (made.TakesRowsForImages, {"rows_may_be_other_images"}),
    (made.NeverRefreshesInTime, {"says_when_to_refresh"}),
    (made.StaleTables, {"a_refresh_forgets_the_past"}),
    (made.LosesItsTables, {"its_tables_can_be_saved"}),
    (made.ReadsVectorsInSecret, {"needs_no_vectors_where_it_says_so"}),
]
ON_CUDA = {"cuda_has_the_same_law", "follows_the_device_of_its_inputs"}


@pytest.mark.parametrize(
    ("sampler", "promises"), MUTANTS, ids=[sampler.__name__ for sampler, _ in MUTANTS]
)
def test_what_breaks_a_promise_is_caught_by_its_check(sampler: type, promises: set[str]) -> None:
    assert broken(subject("sampler", sampler)) - ON_CUDA == promises


def test_a_sound_sampler_keeps_every_promise() -> None:
    made_sound = subject("sampler", made.Sound)
    assert broken(made_sound) == set()
    assert set(skipped(made_sound)) <= {
        *ON_CUDA,
        "its_kernel_has_the_same_law",
        "its_tables_can_be_saved",
        "needs_no_vectors_where_it_says_so",
    }


def test_a_sampler_that_says_so_may_draw_positives() -> None:
    says_so = subject("sampler", made.NoLawAndSaysSo)
    assert broken(says_so) == set()
    assert (
        skipped(says_so)["never_draws_a_positive"]
        == "it says that it may draw positives (may_draw_positives)"
    )
    assert skipped(says_so)["draws_follow_its_law"].startswith("it declares no law")


def test_a_failure_says_what_on_which_input_and_how_to_see_it_again() -> None:
    failure = only(subject("sampler", made.NoLaw), "never_draws_a_positive").failure
    assert (
        failure.what == "it draws training positives of the image, and may_draw_positives is false"
    )
    assert failure.on.startswith("500 draws for an image that has ")
    assert "World(seed=0).state()" in failure.reproduce
    assert eval(repr(World(2))) == World(2)


CASE = trial(subject("sampler", made.Sound))


def test_counts_of_the_law_pass_and_others_fail() -> None:
    rng = np.random.default_rng(0)
    law = np.array([0.5, 0.3, 0.2 - 1e-5, 1e-5, 0.0])
    check_law(CASE, rng.multinomial(20_000, law), law, "wrong")
    with pytest.raises(AssertionError, match="chi-square p ="):
        check_law(CASE, rng.multinomial(20_000, [0.55, 0.25, 0.2, 0, 0]), law, "wrong")
    with pytest.raises(AssertionError, match="no label of chance 0"):
        check_law(CASE, np.array([10_000, 6_000, 4_000, 0, 1]), law, "wrong")
    check_law(CASE, np.array([7, 0]), np.array([1.0, 0.0]), "one label only")


def test_counts_of_one_law_pass_and_of_two_fail() -> None:
    rng = np.random.default_rng(0)
    law = np.array([0.5, 0.3, 0.1999, 0.0001])
    one, other = rng.multinomial(20_000, law), rng.multinomial(10_000, law)
    check_same_law(CASE, one, other, "wrong")
    with pytest.raises(AssertionError, match="the same chances"):
        check_same_law(CASE, one, rng.multinomial(10_000, [0.45, 0.35, 0.2, 0]), "wrong")
    with pytest.raises(AssertionError, match="draws from one only"):
        check_same_law(CASE, one, np.zeros(4, int), "wrong")
    check_same_law(CASE, np.array([5, 0]), np.array([9, 0]), "one label only")
