"""A space of protocol values to search, and seeded points of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vsebench.annotation.task import TUNABLE
from vsebench.plugin.errors import SpecError, did_you_mean
from vsebench.plugin.keys import Key

if TYPE_CHECKING:
    import numpy as np

Point = dict[str, float]
"""Protocol values by key."""

_DIGITS = 3  # significant, of a value from a range: more would pretend that they matter


@dataclass(frozen=True)
class Axis:
    """Keys that take one value together.

    Attributes:
        keys: protocol keys.
        choices: the values to choose from; empty for a range.
        low: smallest value of a range, in which the logarithm is uniform.
        high: largest.
    """

    keys: tuple[str, ...]
    choices: tuple[float, ...] = ()
    low: float = 0.0
    high: float = 0.0

    def draw(self, rng: np.random.Generator) -> float:
        if self.choices:
            return self.choices[int(rng.integers(len(self.choices)))]
        value = math.exp(rng.uniform(math.log(self.low), math.log(self.high)))
        return min(max(float(f"{value:.{_DIGITS}g}"), self.low), self.high)


def parse_space(text: str) -> tuple[Axis, ...]:
    """The space that `lr=0.001..0.1,l2_image+l2_label=0|0.001|0.01` names: a range, and two keys
    that share one of three values.

    Raises:
        SpecError: it does not read so, a key may not be tuned, or one is named twice.
    """
    axes: list[Axis] = []
    for part in text.split(","):
        names, equals, values = part.partition("=")
        keys = tuple(name.strip() for name in names.split("+"))
        if not equals:
            raise SpecError(
                f"--space takes KEY=LOW..HIGH or KEY=A|B|C, comma-separated; got '{part}'"
            )
        for key in keys:
            if key not in TUNABLE.keys:
                raise SpecError(
                    f"--space: protocol key '{key}' is held equal between rows: "
                    f"{did_you_mean(key, TUNABLE.keys)}"
                )
            if any(key in axis.keys for axis in axes) or keys.count(key) > 1:
                raise SpecError(f"--space names '{key}' twice: keep one")
        axes.append(_axis(keys, values))
    return tuple(axes)


def draw_points(axes: tuple[Axis, ...], trials: int, seed: int) -> list[Point]:
    """Different points of a space; the first n of more trials are those of n trials.

    Raises:
        SpecError: the space has fewer points than trials.
    """
    sizes = [len(axis.choices) for axis in axes]
    if all(sizes) and math.prod(sizes) < trials:
        raise SpecError(
            f"--trials {trials}: the space has only {math.prod(sizes)} "
            f"point{'s' * (math.prod(sizes) > 1)}"
        )
    rng = Key(seed, "search").generator()
    points: list[Point] = []
    while len(points) < trials:
        point = {key: value for axis in axes for value in (axis.draw(rng),) for key in axis.keys}
        if point not in points:
            points.append(point)
    return points


def _axis(keys: tuple[str, ...], values: str) -> Axis:
    low, dots, high = values.partition("..")
    if not dots:
        choices = tuple(_number(keys, value) for value in values.split("|"))
        if len(set(choices)) < len(choices):
            raise SpecError(f"--space: {'+'.join(keys)}={values} names a value twice: keep one")
        return Axis(keys, choices=choices)
    axis = Axis(keys, low=_number(keys, low), high=_number(keys, high))
    if not 0 < axis.low < axis.high:
        raise SpecError(
            f"--space: {'+'.join(keys)}={values} must rise from above 0: write 0 as one of "
            "several values, A|B|C"
        )
    return axis


def _number(keys: tuple[str, ...], text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or value < 0:
        raise SpecError(f"--space: {'+'.join(keys)} takes numbers from 0, got '{text}'")
    return value
