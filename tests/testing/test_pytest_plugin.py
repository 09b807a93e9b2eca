"""The test file of a plugin, run by pytest."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

pytest_plugins = ("pytester",)

TEST = """
import pytest


@pytest.mark.vsebench("pooling", "{spec}")
def test_keeps_its_promises(check):
    check()
"""


def run(pytester: pytest.Pytester, spec: str, *options: str) -> str:
    """What pytest prints, without the options of this project."""
    pytester.makepyfile(test_conformance=TEST.format(spec=spec))
    return pytester.runpytest_inprocess("--strict-markers", "-rA", "-q", *options).stdout.str()


def test_the_marker_runs_every_check(pytester: pytest.Pytester) -> None:
    text = run(pytester, "mean", "-k", "padding or declares or order")
    assert "PASSED test_conformance.py::test_keeps_its_promises[mean-never_reads_padding]" in text
    assert "3 passed" in text


def test_what_is_not_checked_is_skipped_with_its_reason(pytester: pytest.Pytester) -> None:
    text = run(pytester, "first", "-k", "order")
    assert "its card does not claim it: PoolingCard(…, order_free=True)" in text
    assert "1 skipped" in text


def test_slow_checks_are_asked_for(pytester: pytest.Pytester) -> None:
    assert "no tests collected" in run(pytester, "mean", "-k", "inductor", "--collect-only")
    assert "compiles_with_inductor" in run(
        pytester, "mean", "-k", "inductor", "--collect-only", "--vsebench-slow"
    )


def test_a_wrong_spec_is_one_line(pytester: pytest.Pytester) -> None:
    assert "unknown pooling 'meen': did you mean 'mean'?" in run(pytester, "meen")
