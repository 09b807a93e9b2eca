from __future__ import annotations

import threading

import pytest

from vsebench.results.folder.at_once import MOST, at_once


def test_what_is_found_is_in_the_order_of_the_items() -> None:
    assert at_once(lambda number: number**2, range(100)) == [number**2 for number in range(100)]
    assert at_once(str, []) == []
    assert at_once(str, [1]) == ["1"]


def test_looks_are_made_at_a_time() -> None:
    """None of them ends before all have begun."""
    met = threading.Barrier(MOST)
    assert sorted(at_once(lambda _: met.wait(30), range(MOST))) == list(range(MOST))


@pytest.mark.parametrize("items", [[0], [4, 0, 2, 0, 1]])
def test_an_error_comes_out(items: list[int]) -> None:
    with pytest.raises(ZeroDivisionError):
        at_once(lambda number: 1 / number, items)
