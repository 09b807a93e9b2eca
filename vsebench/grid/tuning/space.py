"""A space of values to search, and quasi-random points of it."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vsebench.plugin.errors import SpecError, did_you_mean
from vsebench.plugin.params import Scalar, format_value

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from vsebench.plugin.keys import Key
    from vsebench.plugin.params import Param
    from vsebench.results.protocol import AnyProtocol
    from vsebench.results.tasks import Tunable

Point = dict[str, Scalar]
"""Values by key: of the protocol, and of components as `loss.margin`."""

EDGE = 0.1
"""The share of a range, at each end and on its logarithmic scale, in which a best value says that
the range may be too short.
"""

NEAR = 0.1
"""Two points are near-duplicates within this share of the distance that points have on average."""

DECADE = 10.0
"""How far the default range reaches to both sides of the protocol's own value, as a factor."""

_DIGITS = 3  # significant, of a value from a range: more would pretend that they matter
_MOST_BLOCKS = 64  # of points that repeat others, before the space counts as too small


@dataclass(frozen=True)
class Axis:
    """Keys that take one value together.

    Attributes:
        keys: protocol keys, and parameters of components: `triplet:margin` of every row that has
            the component, `loss.margin` of a row.
        choices: the values to choose from; empty for a range.
        low: smallest value of a range, whose scale is logarithmic.
        high: largest.
        whole: whether the values of a range are integers.
    """

    keys: tuple[str, ...]
    choices: tuple[Scalar, ...] = ()
    low: float = 0.0
    high: float = 0.0
    whole: bool = False

    def at(self, place: float) -> Scalar:
        """The value at a place in [0, 1): of a range on its logarithmic scale, else one of as many
        equal parts as there are choices.
        """
        if self.choices:
            return self.choices[int(place * len(self.choices))]
        value = math.exp(math.log(self.low) + place * math.log(self.high / self.low))
        kept = min(max(float(f"{value:.{_DIGITS}g}"), self.low), self.high)
        return round(kept) if self.whole else kept

    def place(self, value: Scalar) -> float:
        """Where a value of a range lies on its logarithmic scale, in [0, 1]."""
        return math.log(float(value) / self.low) / math.log(self.high / self.low)


def parse_space(
    text: str, tunable: Sequence[str], find: Callable[[str], Param]
) -> tuple[Axis, ...]:
    """The space that `lr=0.001..0.1,l2_image+l2_label=0|0.001|0.01,vse-ens:lam=0.0001..0.1` names:
    a range, two keys that share one of three values, and a component's parameter.

    Args:
        text: the space.
        tunable: protocol keys that may be tuned.
        find: the parameter that a key with a colon names.

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
            if ":" not in key and key not in tunable:
                raise SpecError(
                    f"--space: protocol key '{key}' is held equal between rows: "
                    f"{did_you_mean(key, tunable)}"
                )
            if any(key in axis.keys for axis in axes) or keys.count(key) > 1:
                raise SpecError(f"--space names '{key}' twice: keep one")
        axes.append(_axis(keys, values, [find(key) for key in keys if ":" in key]))
    return tuple(axes)


def default_space(tunable: Tunable, protocols: Sequence[AnyProtocol]) -> str:
    """A decade to each side of the protocol's own values, as `parse_space` reads it.

    Args:
        tunable: what the task searches where nobody says.
        protocols: protocols of the rows.

    Raises:
        SpecError: they differ in these values, so that no single range fits all rows; or all are 0.
    """
    parts = []
    for keys in tunable.searched:
        found = {getattr(protocol, key) for protocol in protocols for key in keys}
        if len(found) > 1:
            values = " and ".join(f"{value:g}" for value in sorted(found))
            raise SpecError(
                f"the protocols of the rows have {'+'.join(keys)} {values}: say with --space what "
                "to search for all of them"
            )
        (value,) = found
        if value > 0:
            parts.append(f"{'+'.join(keys)}={value / DECADE:.3g}..{value * DECADE:.3g}")
    if not parts:
        raise SpecError("the protocol leaves nothing to search by default: name a --space")
    return ",".join(parts)


def sobol_points(axes: Sequence[Axis], number: int, key: Key) -> list[Point]:
    """Different points of a space by a scrambled Sobol sequence, which fills it evenly; the first n
    of more points are those of n.

    Args:
        axes: axes of the space.
        number: how many.
        key: names the scramble.

    Raises:
        SpecError: the space has fewer points.
    """
    from scipy.stats import qmc

    sizes = [len(axis.choices) for axis in axes]
    if all(sizes) and math.prod(sizes) < number:
        raise _too_small(number, math.prod(sizes))
    sequence = qmc.Sobol(d=len(axes), scramble=True, seed=key.generator())
    points: list[Point] = []
    block = 1 << (number - 1).bit_length()  # the sequence is balanced over powers of two
    for _ in range(_MOST_BLOCKS):
        for places in sequence.random(block):
            values = [axis.at(place) for axis, place in zip(axes, places, strict=True)]
            point = {
                name: value for axis, value in zip(axes, values, strict=True) for name in axis.keys
            }
            if point not in points:
                points.append(point)
        if len(points) >= number:
            return points[:number]
    raise _too_small(number, len(points))


def at_edge(point: Point, axes: Sequence[Axis]) -> tuple[str, ...]:
    """The keys of a point whose value lies in the last tenth of its range, on either end and on the
    range's scale. A list of choices has no ends.
    """
    return tuple(
        key
        for axis in axes
        if not axis.choices and not EDGE < axis.place(point[axis.keys[0]]) < 1 - EDGE
        for key in axis.keys
    )


def near_duplicates(points: Sequence[Point], axes: Sequence[Axis]) -> list[tuple[int, int]]:
    """Pairs of points that try almost the same: of equal choices, and in every range nearer than a
    tenth of the distance that as many evenly spread points have.
    """
    ranges = [axis for axis in axes if not axis.choices]
    if not ranges:
        return []
    near = NEAR * len(points) ** (-1 / len(ranges))
    return [
        (i, j)
        for (i, one), (j, other) in itertools.combinations(enumerate(points), 2)
        if all(one[axis.keys[0]] == other[axis.keys[0]] for axis in axes if axis.choices)
        and all(
            abs(axis.place(one[axis.keys[0]]) - axis.place(other[axis.keys[0]])) < near
            for axis in ranges
        )
    ]


def point_text(point: Point) -> str:
    """A point as tables and warnings show it."""
    return ", ".join(f"{key}={value_text(value)}" for key, value in point.items())


def value_text(value: Scalar) -> str:
    """A value of a point as tables and warnings show it."""
    return f"{value:g}" if isinstance(value, float) else format_value(value)


def _too_small(number: int, found: int) -> SpecError:
    return SpecError(
        f"--configurations {number}: the space has only {found} point{'s' * (found != 1)}"
    )


def _axis(keys: tuple[str, ...], values: str, params: Sequence[Param]) -> Axis:
    low, dots, high = values.partition("..")
    if not dots:
        choices = tuple(_value(keys, value, params) for value in values.split("|"))
        if len(set(choices)) < len(choices):
            raise SpecError(f"--space: {'+'.join(keys)}={values} names a value twice: keep one")
        return Axis(keys, choices=choices)
    words = next((param for param in params if param.kind not in (int, float)), None)
    if words is not None:
        raise SpecError(
            f"--space: {'+'.join(keys)}={values}: '{words.name}' takes no range: write values A|B|C"
        )
    low_end, high_end = (float(_value(keys, end, params)) for end in (low, high))
    if not 0 < low_end < high_end:
        raise SpecError(
            f"--space: {'+'.join(keys)}={values} must rise from above 0: write 0 as one of "
            "several values, A|B|C"
        )
    whole = any(param.kind is int for param in params)
    return Axis(keys, low=low_end, high=high_end, whole=whole)


def _value(keys: tuple[str, ...], text: str, params: Sequence[Param]) -> Scalar:
    """A value that is valid for every key."""
    found = [param.parse(text, f"--space: {'+'.join(keys)}") for param in params]
    return found[0] if len(params) == len(keys) else _number(keys, text)


def _number(keys: tuple[str, ...], text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or value < 0:
        raise SpecError(f"--space: {'+'.join(keys)} takes numbers from 0, got '{text}'")
    return value
