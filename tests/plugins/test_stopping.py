from __future__ import annotations

import numpy as np
import pytest

import vsebench
from tests.factories import make_curve
from tests.oracles import collapse as oracle
from vsebench.grid.plan import plan
from vsebench.grid.suite import make_suite
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


def collapse_stops_after(flags: str, spec: str) -> int | None:
    """The number of evaluations, four an epoch, after which the rule stops first: `X` is one of a
    collapsed model, `?` one that does not say.
    """
    curve = [
        point if flag == "?" else point.model_copy(update={"diagnostics": {"collapsed": found}})
        for point, flag, found in zip(
            make_curve([50.0] * len(flags)), flags, (float(f == "X") for f in flags), strict=True
        )
    ]
    rule = vsebench.create("stopping-rule", spec)
    return next((n for n in range(1, len(curve) + 1) if rule.should_stop(curve[:n])), None)


@pytest.mark.parametrize(
    ("flags", "spec", "stop"),
    [
        ("........", "collapse", None),
        ("........", "collapse:epochs=0", None),
        ("..XXXX", "collapse", None),
        ("..XXXXXX", "collapse", 7),  # an epoch lies between the third evaluation and the seventh
        ("XXXX.XXXX.XXXX", "collapse", None),
        ("XX?XXXX", "collapse", None),
        ("?.XX", "collapse:epochs=0.25", 4),
        ("?.X", "collapse:epochs=0", 3),
        ("XXXXXXXXXX", "collapse:epochs=2", 9),
    ],
)
def test_collapse_has_to_last(flags: str, spec: str, stop: int | None) -> None:
    assert collapse_stops_after(flags, spec) == stop


def test_the_patience_with_a_collapse_is_that_of_the_oracle() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        flags, patience = rng.random(rng.integers(1, 20)) < 0.8, rng.integers(0, 9) / 4
        epochs = [(n + 1) / 4 for n in range(len(flags))]
        expected = oracle.stop_after(list(flags), epochs, patience)
        text = "".join(".X"[int(flag)] for flag in flags)
        assert collapse_stops_after(text, f"collapse:epochs={patience}") == expected


def test_collapse_is_refused_on_the_annotation_task() -> None:
    annotation = {"dataset": "tags:images=200:labels=50:density=0.1"}
    with pytest.raises(SpecError, match="not watched for collapse: use stop=patience"):
        plan(make_suite({**annotation, "set": {"stop": "collapse"}}))
