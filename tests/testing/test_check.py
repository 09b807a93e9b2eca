"""Checks, promises and how they are found."""

from __future__ import annotations

import subprocess
import sys
import unittest

import pytest
import torch

from tests.testing import broken_poolings
from tests.testing.made import subject
from vsebench.plugin import LossCard, SpecError
from vsebench.testing import (
    Check,
    ConformanceError,
    NotCheckedError,
    build,
    checks,
    checks_of,
    promise,
)
from vsebench.testing.devices import unmixed
from vsebench.testing.kinds import GROUPS, promises
from vsebench.testing.trial import Trial

SUBJECT = subject("pooling", broken_poolings.Plain)


@promise
def draws_a_number(_: object) -> None:
    """Draws a random number."""
    raise ConformanceError("drawn", found=str(torch.rand(()).item()))


@promise
def crashes(_: object) -> None:
    """Crashes."""
    raise ZeroDivisionError("of all things")


@promise
def ends(_: object) -> None:
    """Ends the process, as if all were well."""
    with Trial("anything", ""):
        raise SystemExit(0)


@promise
def stops(_: object) -> None:
    """Is interrupted."""
    raise KeyboardInterrupt


@promise(slow=True)
def takes_long(_: object) -> None:
    """It takes long.

    More of this is not in a report.
    """


def test_a_promise_is_named_and_summarised_by_its_function() -> None:
    assert (takes_long.name, takes_long.summary, takes_long.slow) == (
        "takes_long",
        "It takes long",
        True,
    )
    assert not crashes.slow


def test_a_check_draws_the_same_numbers_at_any_time_and_leaves_the_generator_alone() -> None:
    found = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        with pytest.raises(ConformanceError) as caught:
            Check(draws_a_number, SUBJECT)()
        found.append((caught.value.found, torch.rand(()).item()))
    torch.manual_seed(2)
    assert found[0][0] == found[1][0]
    assert found[1][1] == torch.rand(()).item()


def test_whatever_a_component_raises_is_a_failure_that_can_be_seen_again() -> None:
    with pytest.raises(ConformanceError) as caught:
        Check(crashes, SUBJECT)()
    assert caught.value.what == "it raises ZeroDivisionError: of all things"
    with pytest.raises(ConformanceError, match="it raises SystemExit: 0"):
        Check(ends, SUBJECT)()
    assert (
        caught.value.reproduce
        == 'from vsebench.testing import checks; checks("pooling", "Plain", only="crashes")[0]()'
    )
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_a_failure_that_does_not_say_how_to_see_it_again_is_a_check_to_be_made_again() -> None:
    with pytest.raises(ConformanceError) as caught:
        Check(draws_a_number, SUBJECT)()
    assert caught.value.found
    assert caught.value.reproduce == f"{Check(draws_a_number, SUBJECT)!r}()"


def test_an_interrupt_is_none() -> None:
    with pytest.raises(KeyboardInterrupt):
        Check(stops, SUBJECT)()


def test_the_line_that_reproduces_a_failure_runs() -> None:
    (check,) = checks("pooling", "kmax:k=3", only="never_reads_padding")
    exec(f"{check!r}()")


def test_what_is_not_checked_is_a_skipped_test() -> None:
    assert issubclass(NotCheckedError, unittest.SkipTest)


def test_a_failure_has_a_line_for_each_fact() -> None:
    text = str(ConformanceError("it is wrong", on="this", expected="that", reproduce="do()"))
    assert text.splitlines() == [
        "it is wrong",
        "  on:        this",
        "  expected:  that",
        "  reproduce: do()",
    ]


def test_checks_are_those_of_the_kind_and_of_the_task() -> None:
    names = [str(check) for check in checks("pooling", "kmax:k=3")]
    assert "kmax:k=3-never_reads_padding" in names
    assert "kmax:k=3-compiles_with_inductor" not in names
    assert "kmax:k=3-compiles_with_inductor" in [
        str(check) for check in checks("pooling", "kmax:k=3", slow=True)
    ]
    assert "hinge-sums_over_negatives" in [str(check) for check in checks("loss", "hinge")]
    assert "triplet-siblings_are_no_negatives" in [
        str(check) for check in checks("loss", "triplet")
    ]


def test_a_slow_promise_may_be_asked_for_by_name() -> None:
    assert [
        check.promise.name for check in checks("pooling", "mean", only="compiles_with_inductor")
    ] == ["compiles_with_inductor"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("pooling", "kmaxx"), "unknown pooling 'kmaxx': did you mean 'kmax'"),
        (("pooling", "kmax:m=3"), "has no parameter 'm': known: k"),
    ],
)
def test_a_wrong_spec_is_an_error(arguments: tuple[str, str], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        checks(*arguments)  # type: ignore[arg-type]


def test_a_misspelt_promise_is_an_error() -> None:
    with pytest.raises(
        SpecError,
        match="'siblings_are_no_negative': did you mean 'siblings_are_no_negatives'",
    ):
        checks_of(
            subject("loss", broken_poolings.Plain, LossCard("a loss")),
            only="siblings_are_no_negative",
        )


@pytest.mark.parametrize("group", [name for groups in GROUPS.values() for name in groups])
def test_promises_have_names_of_their_own_and_one_sentence_each(group: str) -> None:
    known = promises(group)
    assert len({each.name for each in known}) == len(known)
    for each in known:
        assert each.summary
        assert not each.summary.endswith(".")


def test_a_built_component_is_perturbed_and_in_evaluation_mode() -> None:
    one, again, other = (build("pooling", "gem", seed=seed) for seed in (0, 0, 1))
    assert not one.training
    assert one.p.item() == again.p.item() != other.p.item()
    assert one.p.item() != 3


def test_a_trial_compares_to_the_bit_and_says_where() -> None:
    case, values = Trial("this"), torch.tensor([[1.0, 2.0], [3.0, float("nan")]])
    case.close(values, values.clone(), "differs", expected="the same")
    with pytest.raises(ConformanceError) as caught:
        case.close(
            values + torch.tensor([[0, 0], [0.5, 0]]), values, "differs", expected="the same"
        )
    assert caught.value.found == "3.5 instead of 3 at [1, 0]; 1 of 4 values differ, by up to 0.5"
    with pytest.raises(ConformanceError, match=r"shape \[1, 2\]"):
        case.close(values[:1], values, "differs", expected="the same")
    with pytest.raises(ConformanceError, match="nan at \\[1, 1\\]"):
        case.finite(values, "not finite")
    with pytest.raises(ConformanceError, match="2 instead of 1"):
        case.close(torch.tensor(2), torch.tensor(1), "differs", expected="the same")


def test_importing_the_kit_and_its_pytest_plugin_imports_no_torch() -> None:
    code = (
        "import sys, vsebench.testing, vsebench.testing.pytest_plugin, vsebench.testing.targets; "
        "print('torch' in sys.modules)"
    )
    assert (
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout.strip()
        == "False"
    )


def test_a_refusal_is_no_sign_of_a_device_without_values() -> None:
    def refuse() -> None:
        raise SpecError("loss 'made' takes sets")

    with pytest.raises(SpecError, match="takes sets"):
        unmixed(refuse, Trial("a batch"))
