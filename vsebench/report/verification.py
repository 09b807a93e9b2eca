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

    Verdict = Literal["within", "outside", "nothing compared"]


@dataclass(frozen=True)
class Tolerance:
    """The largest gap, up or down, that counts as reproduced, in points. `docs/protocol.md`
    justifies the defaults.

    Attributes:
        recall: tolerance of one recall.
        rsum: tolerance of RSUM.
    """

    recall: float = 2.0
    rsum: float = 5.0

    def of(self, metric: str) -> float:
        """The tolerance of a metric."""
        return self.rsum if metric == "rsum" else self.recall


@dataclass(frozen=True)
class Figure:
    """One metric, published and ours.

    Attributes:
        metric: its key in a result row.
        published: published figure, of one run as most papers report.
        ours: the mean over seeds.
        half_width: half-width of the t-interval of that mean; None with one seed.
        tolerance: the largest gap allowed.
    """

    metric: str
    published: float
    ours: float
    half_width: float | None
    tolerance: float

    @property
    def head(self) -> str:
        """The metric as tables name it."""
        return named(self.metric).name

    @property
    def gap(self) -> float:
        """Ours less the published figure, without the dust of binary fractions, which would put a
        gap of exactly the tolerance outside.
        """
        return round(self.ours - self.published, 6)

    @property
    def within(self) -> bool:
        """Whether it is reproduced."""
        return abs(self.gap) <= self.tolerance

    @property
    def undecided(self) -> bool:
        """Whether the interval of our mean reaches across the tolerance, so that other seeds might
        turn the verdict.
        """
        return self.half_width is not None and abs(abs(self.gap) - self.tolerance) < self.half_width


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
    def within(self) -> bool:
        """Whether every figure is reproduced."""
        return all(figure.within for figure in self.figures)


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
        tolerance: the gaps allowed.
        level: level of the intervals.
        compared: rows with a published result.
        uncompared: rows without.
        unfinished: labels of runs that failed or have not ended, which nothing here counts.
    """

    name: str
    tolerance: Tolerance
    level: float
    compared: tuple[Comparison, ...]
    uncompared: tuple[Uncompared, ...]
    unfinished: tuple[str, ...]

    @property
    def verdict(self) -> Verdict:
        """Of all rows together."""
        if not self.compared:
            return "nothing compared"
        return "within" if all(comparison.within for comparison in self.compared) else "outside"
