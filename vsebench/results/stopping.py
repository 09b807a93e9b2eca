"""The best model of a run so far, and whether its stopping rule ends it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from vsebench.plugin.runtime import StoppingRule
    from vsebench.results.folder.directory import RunDirectory


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


def is_stopped(rule: StoppingRule | None, directory: RunDirectory) -> bool:
    """Whether the rule ends training at the checkpoint before.

    The curve on disk ends there, also where a run was resumed: a resumed run stops where the whole
    one would have.

    Args:
        rule: None where every epoch is trained.
        directory: directory of the run.

    Raises:
        VsebenchError: the curve is damaged.
    """
    if rule is None:
        return False
    curve = directory.read_curve()
    return bool(curve) and rule.should_stop(curve)
