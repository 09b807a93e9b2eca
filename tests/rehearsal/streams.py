"""Streams, their marks and pinned memory of the pretended device."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


class Event:
    """A mark in a stream; between two of them lies a millisecond."""

    def __init__(self, **settings: object) -> None:
        """Every mark is the same."""

    def record(self, stream: object = None) -> None:
        """Marks nothing."""

    def elapsed_time(self, end: Event) -> float:
        return 1.0


class Stream:
    """Something that computes in order."""

    def __init__(self, device: object = None) -> None:
        """Every stream is the same."""

    def record_event(self) -> Event:
        return Event()

    def wait_event(self, event: Event) -> None:
        """The stream waits, and not the host."""


def pin(tensor: Tensor) -> Tensor:
    """What `Tensor.pin_memory` gives; in any thread."""
    copy = tensor.clone()
    copy.pretends_to_be_pinned = True  # type: ignore[attr-defined]
    return copy
