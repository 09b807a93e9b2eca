from __future__ import annotations

import numpy as np
import pytest

from vsebench.report.wording import p_text


@pytest.mark.parametrize(
    ("p", "border", "text"),
    [
        (0.0123, 0.05, "0.012"),
        (0.0496, 0.05, "0.050"),
        (0.0503, 0.05, "0.0503"),
        (0.05001, 1 - 0.95, "0.05001"),
        (0.05, 1 - 0.95, "0.050"),
        (0.0251, 0.025, "0.0251"),
        (0.0004, 0.05, "< .001"),
        (0.0004, 0.0001, "0.0004"),
        (1.0, 0.05, "1.000"),
    ],
)
def test_a_p_value_lies_where_its_text_says(p: float, border: float, text: str) -> None:
    assert p_text(p, border) == text


@pytest.mark.parametrize("border", [0.1, 0.05, 1 - 0.95, 0.025, 0.01])
def test_no_rounding_crosses_the_border(border: float) -> None:
    rng = np.random.default_rng(0)
    near = border * (1 + rng.normal(0, 10.0 ** -rng.integers(1, 16, 300)))
    for p in [*rng.uniform(0, 1, 100), *near, border, *np.nextafter(border, [0, 1])]:
        text = p_text(float(p), border)
        found = 0.0 if text == "< .001" else float(text)
        assert (found <= border) == (p <= border)
