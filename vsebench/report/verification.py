"""What a verification found: figures, published and ours, with the gaps between them and the
verdict.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vsebench.plugin.metrics import named

if TYPE_CHECKING:
    from typing import Literal

    from vsebench.report.matching import Difference, Reference

    Outcome = Literal["reproduced", "not reproduced", "too few seeds"]
    Verdict = Literal["reproduced", "not reproduced", "too few seeds", "nothing compared"]

FEWEST_SEEDS = 2
"""Below this a gap decides nothing: one run that failed to train looks like a method that does not
work.
"""


@dataclass(frozen=True)
class Figure:
    """One metric, published and ours.

    Attributes:
        metric: its key in a result row.
        published: published figure, of one run as most papers report.
        ours: the mean over seeds.
        limit: the largest gap that chance explains, up or down.
    """

    metric: str
    published: float
    ours: float
    limit: float

    @property
    def head(self) -> str:
        """The metric as tables name it."""
        return named(self.metric).name

    @property
    def gap(self) -> float:
        """Ours less the published figure, without the dust of binary fractions."""
        return round(self.ours - self.published, 6)

    @property
    def within(self) -> bool:
        """Whether the gap is within the limit."""
        return abs(self.gap) <= self.limit


@dataclass(frozen=True)
class RowName:
    """The finished runs of one combination under one protocol.

    Attributes:
        dataset: spec of the data set.
        pooling: canonical spec.
        loss: canonical spec.
        seeds: seeds in order.
    """

    dataset: str
    pooling: str
    loss: str
    seeds: tuple[int, ...]


@dataclass(frozen=True)
class Comparison:
    """A row beside a published result of its setting.

    Attributes:
        row: ours.
        reference: the published result.
        figures: one for each metric that was published.
        remarks: what must be known besides: neutral differences, and what the runs warned of.
    """

    row: RowName
    reference: Reference
    figures: tuple[Figure, ...]
    remarks: tuple[str, ...]

    @property
    def outcome(self) -> Outcome:
        """Whether all figures are reproduced, together."""
        if len(self.row.seeds) < FEWEST_SEEDS:
            return "too few seeds"
        return "reproduced" if all(figure.within for figure in self.figures) else "not reproduced"


@dataclass(frozen=True)
class Uncompared:
    """A row of which no result is published, with the nearest that is and how the settings
    differ.
    """

    row: RowName
    nearest: Reference
    differences: tuple[Difference, ...]


@dataclass(frozen=True)
class Verification:
    """What became of every run that uses a component.

    Attributes:
        name: name of the component.
        level: probability with which a perfect reproduction is within all limits of a row.
        compared: rows with a published result.
        uncompared: rows without.
        unfinished: labels of runs that failed or have not ended, which nothing here counts.
    """

    name: str
    level: float
    compared: tuple[Comparison, ...]
    uncompared: tuple[Uncompared, ...]
    unfinished: tuple[str, ...]

    @property
    def verdict(self) -> Verdict:
        """Of all rows together: one that is not reproduced outweighs one of too few seeds."""
        outcomes = {comparison.outcome for comparison in self.compared}
        for outcome in ("not reproduced", "too few seeds", "reproduced"):
            if outcome in outcomes:
                return outcome
        return "nothing compared"
