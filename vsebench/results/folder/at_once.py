"""Many looks at a file system at a time: one across a network answers late rather than slowly."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

T = TypeVar("T")
R = TypeVar("R")

MOST = 32
"""Looks at a time."""


def at_once(look: Callable[[T], R], items: Iterable[T]) -> list[R]:
    """`look` of each, in their order; whatever the first of them raises is raised."""
    waiting = list(items)
    if len(waiting) <= 1:
        return [look(item) for item in waiting]
    with ThreadPoolExecutor(min(MOST, len(waiting))) as pool:
        return list(pool.map(look, waiting))
