"""What the tables of each task show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vsebench.results.record import ANNOTATION_METRICS, HEADLINE, RECALLS
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


@dataclass(frozen=True)
class TaskTable:
    """The keys and words of a task's rows.

    Attributes:
        compared: the axis that is compared beside the loss.
        headline: the metric that selects models and dates their arrival.
        headline_name: how text names it.
        places: decimals of the headline in text.
        with_interval: metrics whose mean has an interval.
        means: metrics that are means only.
        cost: what a row says of its price.
    """

    compared: str
    headline: str
    headline_name: str
    places: int
    with_interval: tuple[str, ...]
    means: tuple[str, ...]
    cost: tuple[str, ...]

    @property
    def row_keys(self) -> tuple[str, ...]:
        """The keys of a row, in the order of the JSON and the CSV."""
        intervals = (key + end for key in self.with_interval for end in ("", "_lo", "_hi"))
        return (*IDENTITY, *COUNTS, NO_EVIDENCE, *intervals, *self.means, *CONVERGENCE, *self.cost)


TABLES: Mapping[Task, TaskTable] = {
    "retrieval": TaskTable(
        "pooling",
        HEADLINE["retrieval"],
        "RSUM",
        1,
        (*RECALLS, "rsum"),
        ("i2t_medr", "t2i_medr", "i2t_meanr", "t2i_meanr"),
        COST,
    ),
    "annotation": TaskTable(
        "sampler", HEADLINE["annotation"], "MAP", 4, ANNOTATION_METRICS, (), (*COST, *SAMPLING)
    ),
}
