from __future__ import annotations

import pytest

import vsebench
from tests.factories import make_curve
from vsebench.plugin import SpecError


def stops_after(rsums: list[float], spec: str) -> int | None:
    """The number of evaluations, four an epoch, after which the rule stops first."""
    rule, curve = vsebench.create("stopping-rule", spec), make_curve(rsums)
    return next((n for n in range(1, len(curve) + 1) if rule.should_stop(curve[:n])), None)


@pytest.mark.parametrize(
    ("rsums", "spec", "stop"),
    [
        ([10, 20, 30, 40, 50, 60], "patience:epochs=1", None),
        # The best is the second, an epoch is four evaluations
        (
            [10, 60, 30, 40, 50, 20, 10],
            "patience:epochs=1",
            6,
        ),
        ([10, 60, 30, 60, 60, 60, 60], "patience:epochs=1", 6),  # what is as good is no better
        ([10, 60, 30, 61, 60, 60, 60, 60], "patience:epochs=1", 8),
        ([50], "patience:epochs=0", 1),
        ([60, 50, 40], "patience:epochs=0.5", 3),
        # Constant in these curves
        (
            [10, 60, 30, 40, 50, 20, 10],
            "patience:epochs=1:metric=i2t_meanr",
            5,
        ),
    ],
)
def test_patience_counts_from_the_first_of_the_best(
    rsums: list[float], spec: str, stop: int | None
) -> None:
    assert stops_after(rsums, spec) == stop


def test_a_metric_that_dev_does_not_have_is_named() -> None:
    with pytest.raises(SpecError, match="no dev metric 'rsums': did you mean 'rsum'"):
        stops_after([1.0], "patience:metric=rsums")
