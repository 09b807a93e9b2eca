"""The best model of a run so far."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


@dataclass
class Best:
    """The best model on dev so far.

    Attributes:
        step: step of the evaluation.
        metrics: metrics on dev.
        model: its state, on the CPU.
    """

    step: int
    metrics: dict[str, float]
    model: dict[str, Tensor]
