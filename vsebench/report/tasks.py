"""What the tables of each task show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vsebench.plugin.metrics import HEADLINE, METRICS
from vsebench.results.row_keys import (
    CONVERGENCE,
    COST,
    COUNTS,
    IDENTITY,
    NO_EVIDENCE,
    SAMPLING,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vsebench.plugin.cards import Task
    from vsebench.plugin.metrics import Metric


@dataclass(frozen=True)
class TaskTable:
    """The keys and words of a task's rows.

    Attributes:
        compared: the axis that is compared beside the loss.
        metrics: what vsebench measures, in the order of the rows.
        headline: the metric that selects models and dates their arrival; higher is better.
        cost: what a row says of its price.
    """

    compared: str
    metrics: tuple[Metric, ...]
    headline: Metric
    cost: tuple[str, ...]

    @property
    def row_keys(self) -> tuple[str, ...]:
        """The keys of a row, in the order of the JSON and the CSV."""
        metrics = (key for metric in self.metrics for key in metric.row_keys)
        return (*IDENTITY, *COUNTS, NO_EVIDENCE, *metrics, *CONVERGENCE, *self.cost)


TABLES: Mapping[Task, TaskTable] = {
    "retrieval": TaskTable("pooling", METRICS["retrieval"], HEADLINE["retrieval"], COST),
    "annotation": TaskTable(
        "sampler", METRICS["annotation"], HEADLINE["annotation"], (*COST, *SAMPLING)
    ),
}
