"""Texts and suite values become typed parameters, or an error that says what was expected."""

from __future__ import annotations

import pytest

from vsebench.plugin import Param, SpecError
from vsebench.plugin.params import format_value, resolve

PARAMS = [
    Param("k", 5, minimum=1, maximum=9),
    Param("margin", 0.2, minimum=0),
    Param("hard", False),
    Param("mode", "sum", choices=("sum", "mean")),
    Param("scale", 1, type=float),
]


@pytest.mark.parametrize(
    ("name", "given", "value"),
    [
        ("k", "3", 3),
        ("k", 3, 3),
        ("k", 3.0, 3),
        ("margin", "1e-3", 0.001),
        ("margin", 1, 1.0),
        ("hard", "true", True),
        ("hard", "off", False),
        ("hard", "Yes", True),
        ("hard", True, True),
        ("mode", "mean", "mean"),
        ("scale", "2", 2.0),
    ],
)
def test_values_take_the_type_of_the_parameter(name: str, given: object, value: object):
    resolved = resolve(PARAMS, {name: given}, "loss 'x'")[name]
    assert resolved == value
    assert type(resolved) is type(value)


def test_defaults_fill_the_rest_in_the_type_of_the_parameter():
    resolved = resolve(PARAMS, {}, "loss 'x'")
    assert resolved == {"k": 5, "margin": 0.2, "hard": False, "mode": "sum", "scale": 1.0}
    assert type(resolved["scale"]) is float


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("k", "many", "loss 'x': parameter 'k' must be an integer, got 'many'"),
        ("k", "", "parameter 'k' must be an integer, got ''"),
        ("k", 2.5, "parameter 'k' must be an integer, got '2.5'"),
        ("k", True, "parameter 'k' must be an integer, got 'True'"),
        ("k", [1], "parameter 'k' must be an integer"),
        ("k", "0", "parameter 'k' must be at least 1, got 0"),
        ("k", "10", "parameter 'k' must be at most 9, got 10"),
        ("margin", "nan", "parameter 'margin' must be a finite number, got 'nan'"),
        ("margin", "inf", "parameter 'margin' must be a finite number, got 'inf'"),
        ("hard", "maybe", "parameter 'hard' must be true or false, got 'maybe'"),
        ("mode", "max", "parameter 'mode' must be one of sum, mean; got 'max'"),
        ("margn", "1", "loss 'x' has no parameter 'margn': did you mean 'margin'?"),
    ],
)
def test_what_does_not_fit_is_refused(name: str, given: object, message: str):
    with pytest.raises(SpecError) as caught:
        resolve(PARAMS, {name: given}, "loss 'x'")
    assert message in str(caught.value)


def test_a_component_without_parameters_says_so():
    with pytest.raises(SpecError, match="pooling 'mean' has no parameter 'k'"):
        resolve([], {"k": 1}, "pooling 'mean'")


@pytest.mark.parametrize(
    ("value", "text"),
    [(True, "true"), (False, "false"), (5, "5"), (0.2, "0.2"), (1e-6, "1e-06"), ("sum", "sum")],
)
def test_values_are_written_as_a_person_writes_them(value: bool | float | str, text: str):
    assert format_value(value) == text
