"""Spaces, and points that fill them evenly, are the same each time and another for each row."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest

from vsebench.annotation.task import TUNABLE
from vsebench.grid.tuning.space import (
    Axis,
    Point,
    at_edge,
    default_space,
    near_duplicates,
    parse_space,
    sobol_points,
)
from vsebench.plugin import Param, SpecError
from vsebench.plugin.keys import Key
from vsebench.results.protocol import AnnotationProtocol, Protocol
from vsebench.retrieval.task import TUNABLE as OF_RETRIEVAL

if TYPE_CHECKING:
    from collections.abc import Sequence

SPACE = "lr=0.001..0.1,l2_image+l2_label=0|0.001"
KEYS = TUNABLE.keys


def parse(text: str) -> tuple[Axis, ...]:
    def find(key: str) -> Param:
        return {"kmax:k": Param("k", 5, minimum=1), "gem:p": Param("p", 3.0)}[key]

    return parse_space(text, KEYS, find)


def test_a_space_is_ranges_and_choices_and_keys_may_share_a_value() -> None:
    assert parse(SPACE) == (
        Axis(("lr",), low=0.001, high=0.1),
        Axis(("l2_image", "l2_label"), choices=(0.0, 0.001)),
    )


def test_integers_of_a_range_are_whole_and_its_ends_are_among_them() -> None:
    (axis,) = parse("kmax:k=2..20")
    assert axis == Axis(("kmax:k",), low=2.0, high=20.0, whole=True)
    values = [axis.at(i / 1000) for i in range(1000)]
    assert {type(value) for value in values} == {int}
    assert sorted(set(values)) == list(range(2, 21))
    assert at_edge({"kmax:k": 20}, (axis,)) == ("kmax:k",)
    assert parse("gem:p=-1|2.5")[0].choices == (-1.0, 2.5)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("lr", r"--space takes KEY=LOW..HIGH or KEY=A\|B\|C, comma-separated; got 'lr'"),
        ("epochs=1|2", "protocol key 'epochs' is held equal between rows"),
        ("lr=1|2,lr=3", "--space names 'lr' twice"),
        ("lr+lr=1", "--space names 'lr' twice"),
        ("lr=0..1", "lr=0..1 must rise from above 0"),
        ("lr=1..0.1", "must rise"),
        ("lr=fast", "lr takes numbers from 0, got 'fast'"),
        ("lr=0.1|0.1", r"--space: lr=0\.1\|0\.1 names a value twice"),
        ("lr=nan", "lr takes numbers from 0, got 'nan'"),
        ("kmax:k=0..3", "--space: kmax:k: parameter 'k' must be at least 1, got 0"),
        ("kmax:k+gem:p=1.5|2", "parameter 'k' must be an integer"),
    ],
)
def test_a_space_that_does_not_read_is_refused(text: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        parse(text)


def test_by_default_a_decade_to_each_side_of_the_protocol_is_searched() -> None:
    assert default_space(OF_RETRIEVAL, [Protocol(lr=0.004)] * 2) == "lr=0.0004..0.04"
    protocol = AnnotationProtocol(l2_image=0, l2_label=0)
    assert default_space(TUNABLE, [AnnotationProtocol()]) == (
        "lr=0.001..0.1,l2_image+l2_label=0.001..0.1"
    )
    assert default_space(TUNABLE, [protocol]) == "lr=0.001..0.1", "0 has no decades"
    with pytest.raises(SpecError, match=r"have lr 0\.001 and 0\.004: say with --space"):
        default_space(OF_RETRIEVAL, [Protocol(lr=0.004), Protocol(lr=0.001)])
    with pytest.raises(SpecError, match=r"have l2_image\+l2_label 0 and 0\.1: say"):
        default_space(TUNABLE, [AnnotationProtocol(l2_image=0, l2_label=0.1)])


def test_points_are_those_of_their_key_within_the_space() -> None:
    axes = parse(SPACE)
    points = sobol_points(axes, 40, Key(0, "search", "tags", "uniform", 0))
    assert points == sobol_points(axes, 40, Key(0, "search", "tags", "uniform", 0))
    assert points[:9] == sobol_points(axes, 9, Key(0, "search", "tags", "uniform", 0))
    for other in (
        Key(1, "search", "tags", "uniform", 0),
        Key(0, "search", "labels", "uniform", 0),
        Key(0, "search", "tags", "warp", 0),
        Key(0, "search", "tags", "uniform", 1),
    ):
        found = sobol_points(axes, 40, other)
        assert sum(point in points for point in found) < 10, "but for a chance of three digits"
    assert all(
        0.001 <= p["lr"] <= 0.1 and p["l2_image"] == p["l2_label"] in (0, 0.001) for p in points
    )
    assert len({tuple(p.items()) for p in points}) == 40


@pytest.mark.parametrize("seed", range(5))
def test_points_fill_the_logarithmic_scale_evenly(seed: int) -> None:
    """Of a power of two every equal part holds one: random points leave a third of them empty."""
    axes = parse("lr=0.0001..1,init_scale=0.01..100")
    points = sobol_points(axes, 16, Key(seed))
    for axis in axes:
        parts = [min(15, int(axis.place(point[axis.keys[0]]) * 16 + 1e-3)) for point in points]
        assert len(set(parts)) >= 15, "a value rounded to three digits may slip into the next part"


def test_a_space_of_choices_is_searched_to_the_end_and_no_further() -> None:
    axes = parse("lr=0.1|0.2|0.3,l2_image=0|1|2")
    assert len({tuple(p.values()) for p in sobol_points(axes, 9, Key(3))}) == 9
    with pytest.raises(SpecError, match="--configurations 10: the space has only 9 points"):
        sobol_points(axes, 10, Key(3))
    with pytest.raises(SpecError, match=r"--configurations 9: the space has only \d points?"):
        sobol_points(parse("lr=0.1..0.1002"), 9, Key(3))


@pytest.mark.parametrize(
    ("lr", "edges"),
    [
        (0.001, ("lr",)),
        (10**-2.81, ("lr",)),
        (10**-2.79, ()),
        (0.01, ()),
        (10**-1.21, ()),
        (10**-1.19, ("lr",)),
        (0.1, ("lr",)),
    ],
)
def test_the_last_tenth_of_a_range_is_its_edge_on_its_own_scale(
    lr: float, edges: tuple[str, ...]
) -> None:
    axes = parse(SPACE)
    assert at_edge({"lr": lr, "l2_image": 0.0, "l2_label": 0.0}, axes) == edges


def test_keys_that_share_a_value_are_at_the_edge_together() -> None:
    axes = parse("l2_image+l2_label=0.001..0.1")
    assert at_edge({"l2_image": 0.09, "l2_label": 0.09}, axes) == ("l2_image", "l2_label")


def near_by_the_definition(points: Sequence[Point], axes: Sequence[Axis]) -> list[tuple[int, int]]:
    """Slowly: each pair, each axis."""
    found = []
    ranges = sum(not axis.choices for axis in axes)
    for i in range(len(points)):
        for j in range(i + 1, len(points)):
            close = ranges > 0
            for axis in axes:
                one, other = points[i][axis.keys[0]], points[j][axis.keys[0]]
                if axis.choices:
                    close &= one == other
                else:
                    width = math.log10(axis.high) - math.log10(axis.low)
                    apart = abs(math.log10(one) - math.log10(other)) / width
                    close &= apart < 0.1 / len(points) ** (1 / ranges)
            if close:
                found.append((i, j))
    return found


@pytest.mark.parametrize("space", ["lr=0.001..0.1", SPACE, "lr=0.1..1,l2_image=0.1..1", "lr=1|2|3"])
def test_near_duplicates_are_found_as_they_are_defined(space: str) -> None:
    axes = parse(space)
    rng = Key(0, space).generator()
    for _ in range(20):
        points = [
            {key: value for axis in axes for value in (axis.at(rng.random()),) for key in axis.keys}
            for _ in range(12)
        ]
        assert near_duplicates(points, axes) == near_by_the_definition(points, axes)


def test_two_points_of_six_that_once_were_taken_for_two_are_near_duplicates() -> None:
    axes = parse("lr=0.001..0.1,l2_image=0.001..0.1")
    lrs = (0.0222, 0.00503, 0.0225, 0.0011, 0.0609, 0.012)
    l2s = (0.00733, 0.0852, 0.00794, 0.05, 0.0012, 0.02)
    points = [{"lr": lr, "l2_image": l2} for lr, l2 in zip(lrs, l2s, strict=True)]
    assert near_duplicates(points, axes) == [(0, 2)]
