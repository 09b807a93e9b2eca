"""Typed parameters of a component, and how they are parsed from text."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vsebench.plugin.errors import SpecError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Scalar = bool | int | float | str
ScalarType = type[bool] | type[int] | type[float] | type[str]

_TRUE = {"true", "yes", "on", "1"}
_FALSE = {"false", "no", "off", "0"}


@dataclass(frozen=True)
class Param:
    """A parameter of a component. Its type is that of its default unless `type` is given.

    Attributes:
        name: name in specs and in the class's `__init__`.
        default: the published or recommended value; it is left out of canonical specs.
        help: one line.
        type: `int`, `float`, `bool` or `str`.
        choices: the only values allowed.
        minimum: the smallest value allowed (numbers).
        maximum: the largest value allowed (numbers).
    """

    name: str
    default: Scalar
    help: str = ""
    type: ScalarType | None = None
    choices: tuple[Scalar, ...] | None = None
    minimum: float | None = None
    maximum: float | None = None

    @property
    def kind(self) -> ScalarType:
        return self.type or type(self.default)

    def parse(self, value: object, owner: str) -> Scalar:
        """The typed value of `value` (text, or a value from a suite file).

        Raises:
            SpecError: the value is not of the parameter's type, or is outside its bounds or
                choices.
        """
        try:
            parsed = _convert(value, self.kind)
        except (ValueError, TypeError):
            raise SpecError(
                f"{owner}: parameter '{self.name}' must be {_article(self.kind)}, got '{value}'"
            ) from None
        if self.choices is not None and parsed not in self.choices:
            known = ", ".join(str(c) for c in self.choices)
            raise SpecError(
                f"{owner}: parameter '{self.name}' must be one of {known}; got '{value}'"
            )
        if isinstance(parsed, (int, float)) and not isinstance(parsed, bool):
            if self.minimum is not None and parsed < self.minimum:
                raise SpecError(
                    f"{owner}: parameter '{self.name}' must be at least {self.minimum:g}, got "
                    f"{value}"
                )
            if self.maximum is not None and parsed > self.maximum:
                raise SpecError(
                    f"{owner}: parameter '{self.name}' must be at most {self.maximum:g}, got "
                    f"{value}"
                )
        return parsed


def resolve(params: Sequence[Param], given: Mapping[str, object], owner: str) -> dict[str, Scalar]:
    """Every parameter with its value: those given, typed and checked, and the defaults of the
    others.

    Args:
        params: the component's parameters.
        given: raw values by name.
        owner: the component's name in errors, such as `pooling 'kmax'`.

    Raises:
        SpecError: an unknown parameter (with the nearest match) or a bad value.
    """
    known = {p.name: p for p in params}
    for name in given:
        if name not in known:
            hint = did_you_mean(name, known) if known else "it takes no parameters"
            raise SpecError(f"{owner} has no parameter '{name}': {hint}")
    return {p.name: p.parse(given.get(p.name, p.default), owner) for p in params}


def format_value(value: Scalar) -> str:
    """A value as a person writes it in a spec: `true`, `5`, `0.2`."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value) if isinstance(value, float) else str(value)


def _convert(value: Any, kind: type) -> Scalar:
    if kind is bool:
        return _boolean(value)
    if isinstance(value, bool):
        raise ValueError(value)
    if kind is int:
        if isinstance(value, float) and not value.is_integer():
            raise ValueError(value)
        return int(value)
    if kind is float:
        number = float(value)
        if not math.isfinite(number):
            raise ValueError(value)
        return number
    return str(value)


def _boolean(value: Any) -> bool:
    text = str(value).lower()
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise ValueError(value)


def _article(kind: type) -> str:
    return {int: "an integer", float: "a finite number", bool: "true or false"}.get(kind, "text")
