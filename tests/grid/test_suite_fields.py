from __future__ import annotations

import pytest

from vsebench.grid.suite_fields import parse_seeds
from vsebench.plugin import SpecError


@pytest.mark.parametrize(
    ("value", "seeds"),
    [
        ("0", (0,)),
        ("3", (3,)),
        (3, (3,)),
        ("0,1,2", (0, 1, 2)),
        ("0-5", (0, 1, 2, 3, 4, 5)),
        ("4-4", (4,)),
        (" 7, 0-2 ", (7, 0, 1, 2)),
        ([0, 2], (0, 2)),
        ((1,), (1,)),
    ],
)
def test_a_list_or_a_range_never_a_count(value: object, seeds: tuple[int, ...]):
    assert parse_seeds(value) == seeds


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("", "seeds are a list or a range"),
        ("a", "got 'a'"),
        ("-1", "got '-1'"),
        (-1, "got '-1'"),
        ("1.5", "got '1.5'"),
        (1.5, "got '1.5'"),
        (True, "got 'True'"),
        ("0,,1", "got ''"),
        ("5-0", "the range of seeds '5-0' runs backwards: write 0-5"),
        ("0,0", "seed 0 is given twice"),
        ("0-3,2", "seed 2 is given twice"),
        ([], "no seed is given"),
        ("0-99999999", "more than 10,000 seeds"),
    ],
)
def test_what_is_no_list_of_seeds_is_refused(value: object, message: str):
    with pytest.raises(SpecError) as caught:
        parse_seeds(value)
    assert message in str(caught.value)
