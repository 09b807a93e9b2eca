"""How text writes rows, counts and values."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from vsebench.report.rows.runs import Run


_SPANS = (("d", 86_400.0), ("h", 3_600.0), ("min", 60.0))
_BYTES = ("B", "kB", "MB", "GB", "TB")


def name(combination: tuple[str, str]) -> str:
    """How text names a row."""
    return " × ".join(combination)


def short(combination: tuple[str, str], rows: Collection[tuple[str, str]]) -> str:
    """A row's components, without one that all rows have."""
    varied = [
        component
        for component, found in zip(combination, zip(*rows, strict=True), strict=True)
        if len(set(found)) > 1
    ]
    return varied[0] if len(varied) == 1 else name(combination)


def counted(runs: Iterable[Run]) -> str:
    """Names rows with how many of these runs they have; empty of none."""
    return "; ".join(
        f"{name(row)} ({number})"
        for row, number in Counter(run.combination for run in runs).items()
    )


def distinct(texts: Iterable[str]) -> list[str]:
    """Each text once, in order of first appearance."""
    return list(dict.fromkeys(texts))


def listed(seeds: Iterable[int]) -> str:
    """Seeds in ascending order."""
    return ", ".join(str(seed) for seed in sorted(seeds))


def count(number: int, noun: str) -> str:
    """A number of things: `1 run`, `2,000 runs`."""
    return f"{number:,} {noun}{'s' if number != 1 else ''}"


def word(value: object) -> str:
    """The value of a protocol's key as a suite writes it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def percent(share: float) -> str:
    """A share such as a confidence level: `95 %`."""
    return f"{100 * share:.10g} %"


def p_text(p: float, border: float) -> str:
    """A p-value of three decimals, or of as many as show on which side of a border it lies."""
    if p < 0.001 <= border:
        return "< .001"
    places = 3
    while (float(f"{p:.{places}f}") <= border) != (p <= border):
        places += 1
    return f"{p:.{places}f}"


def duration(seconds: float) -> str:
    """A span of time of about two figures: `40 s`, `2.5 min`, `12 h`."""
    name, size = next(((name, size) for name, size in _SPANS if seconds >= 2 * size), ("s", 1.0))
    value = seconds / size
    return f"{value:.{int(value < 10 and size > 1)}f} {name}"


def bytes_text(number: float) -> str:
    """A number of bytes of about two figures: `812 B`, `1.4 MB`."""
    power = min(max(len(str(int(number))) - 1, 0) // 3, len(_BYTES) - 1)
    value = number / 1000**power
    return f"{value:.{int(value < 100 and power > 0)}f} {_BYTES[power]}"


def span(values: Iterable[float], places: int) -> str:
    """The least and the largest of some numbers: `1.4–2.5`."""
    found = sorted(values)
    low, high = f"{found[0]:.{places}f}", f"{found[-1]:.{places}f}"
    return low if low == high else f"{low}–{high}"
