"""Verdicts on claims as pages show them; whoever judges claims makes them."""

from __future__ import annotations

from typing import NamedTuple


class VerdictLine(NamedTuple):
    """A claim with its verdict.

    Attributes:
        claim: its id.
        verdict: `confirmed`, `refuted`, `undecided` or `inadmissible`.
        cells: what was found, the interval, p and the number of seeds, as text.
        said: what is claimed, and what decided.
    """

    claim: str
    verdict: str
    cells: list[str]
    said: str


class Verdicts(NamedTuple):
    """The verdicts on a file of claims.

    Attributes:
        file: its name.
        lines: its claims.
        notes: what holds for all of them.
    """

    file: str
    lines: list[VerdictLine]
    notes: list[str]
