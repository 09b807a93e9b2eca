"""Which of GPO's parameters make sense together."""

from __future__ import annotations

from vsebench.plugin import SpecError
from vsebench_plugins.gpo.transformer import HEADS

D_PE = 32
"""The published size of the positional encoding."""


def check(generator: str, encoding: str, reads: str, d_pe: int, d_hidden: int) -> None:
    """Refuses parameters that contradict each other, and those that would have no effect.

    Raises:
        SpecError: in one line, what cannot be and what to write instead.
    """
    if d_pe % 2:
        raise SpecError(
            f"pooling 'gpo': parameter 'd_pe' must be even (sines and cosines in pairs), got {d_pe}"
        )
    if generator == "interpolation" and reads != "positions":
        raise SpecError(
            "pooling 'gpo': generator=interpolation knows ranks only and cannot read features: "
            f"drop reads={reads} or take another generator"
        )
    if generator == "transformer" and d_hidden % HEADS:
        raise SpecError(
            f"pooling 'gpo': generator=transformer has {HEADS} heads: parameter 'd_hidden' must "
            f"be a multiple of {HEADS}, got {d_hidden}"
        )
    reason = (
        "generator=interpolation has"
        if generator == "interpolation"
        else "reads=features leaves"
        if reads == "features"
        else ""
    )
    if reason and encoding != "sincos":
        raise SpecError(f"pooling 'gpo': {reason} no positional encoding: drop encoding={encoding}")
    if reason and d_pe != D_PE:
        raise SpecError(f"pooling 'gpo': {reason} no positional encoding: drop d_pe={d_pe}")


def needed(dim: int | None, parameter: str) -> int:
    """The embedding size, for parameters that depend on it.

    Raises:
        SpecError: it was not given.
    """
    if dim is None:
        raise SpecError(
            f"pooling 'gpo': {parameter} needs the embedding size: create it with dim=D"
        )
    return dim
