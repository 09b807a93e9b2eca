"""The metrics of each task, declared once for all tables, pages and comparisons."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

INTERVAL_ENDS = ("_lo", "_hi", "_seeds_lo", "_seeds_hi")
"""Suffixes of a metric's key for the ends of its intervals: its own interval, and that over seeds
alone.
"""

_ENDS = {"two-way": 4, "student": 2, None: 0}

Span = tuple[float, float]
"""The smallest and the largest possible value."""

TaskName = str
"""Name of a task in `vsebench.results.tasks`: `retrieval`, `annotation` or `patterns`."""


@dataclass(frozen=True)
class Metric:
    """A test metric in rows and tables.

    Attributes:
        key: key of the value in records, rows, JSON and CSV.
        heading: heading of its column.
        about: one sentence on what it is.
        over: line above the heading, such as the side that retrieves; may be empty.
        places: decimals in text; None for four significant digits, where the scale is not known.
        better: the better values, the higher or the lower ones; None where that is not known.
        interval: kind of its interval: `two-way` over seeds and test images, where it is known what
            each image contributed, with Student's over seeds beside it; `student` over seeds; None
            for a mean alone.
        shown: whether tables for people have it; JSON, CSV and the page's full table always do.
        margin: loss that still counts as no worse, unless another is set beforehand.
        short: heading with `over` in one word, for narrow tables; the heading where empty.
        span: the smallest and the largest possible value.
    """

    key: str
    heading: str
    about: str
    over: str = ""
    places: int | None = None
    better: Literal["higher", "lower"] | None = "higher"
    interval: Literal["two-way", "student"] | None = "two-way"
    shown: bool = True
    margin: float = 0.0
    short: str = ""
    span: Span = (-math.inf, math.inf)

    @property
    def name(self) -> str:
        """In running text: `i2t R@1`."""
        return f"{self.over} {self.heading}".strip()

    @cached_property
    def row_keys(self) -> tuple[str, ...]:
        """Keys of its mean and of the ends of its intervals."""
        ends = ("", *INTERVAL_ENDS[: _ENDS[self.interval]])
        return tuple(f"{self.key}{end}" for end in ends)

    def text(self, value: float, sign: Literal["-", "+"] = "-") -> str:
        """A value as tables write it; with "+" a difference, whose sign always shows."""
        form = ".4g" if self.places is None else f".{self.places}f"
        return format(value, f"{sign}{form}")

    def half_width_text(self, half: float) -> str:
        """The half-width of an interval as tables write it."""
        return f"{half:.2g}" if self.places is None else f"{half:.{self.places}f}"


RECALL_DEPTHS = (1, 5, 10)
"""K of the recalls of retrieval."""

LABEL_DEPTHS = (5, 10)
"""K of precision and recall of label rankings."""

SIDES: Mapping[str, str] = {
    "i2t": "image to text",
    "t2i": "text to image",
    "t2t": "text to text",
    "i2i": "image to image",
}
"""Queries and items of a direction, by the line above a heading."""

_RETRIEVING = {
    "i2t": "images that retrieve one of their captions",
    "t2i": "captions that retrieve their image",
}


def _recall(side: str, k: int, retrieving: str) -> Metric:
    return Metric(
        f"{side}_r{k}",
        f"R@{k}",
        f"Percentage of {retrieving} among the first {k}.",
        over=side,
        places=1,
        short=f"{side}@{k}",
        span=(0, 100),
    )


def _rank(side: str, key: str, heading: str, what: str, places: int) -> Metric:
    return Metric(
        f"{side}_{key}",
        heading,
        f"{what} rank of the best positive, from 1: {_RETRIEVING[side]}.",
        over=side,
        places=places,
        better="lower",
        interval=None,
        shown=False,
        span=(1, math.inf),
    )


_RECALLS = tuple(
    _recall(side, k, what) for side, what in _RETRIEVING.items() for k in RECALL_DEPTHS
)

_RSUM = Metric("rsum", "RSUM", "Sum of the six recalls.", places=1, margin=2.0, span=(0, 600))


FOLD = 1000
"""Images in a fold of `1k-5fold`."""

IN_FOLDS: Mapping[str, Metric] = {
    metric.key: replace(
        metric,
        key=f"{metric.key}_1k",
        about=f"{metric.about[:-1]}, within folds of {FOLD:,} images and averaged over them.",
        over=f"{metric.over} 1K".strip(),
        short=f"{metric.short or metric.heading} 1K",
    )
    for metric in (*_RECALLS, _RSUM)
}
"""Metrics of the runs of a protocol with `evaluate=full,1k-5fold`, by the key of the averaged
metric.
"""


def _share(key: str, heading: str, about: str, margin: float = 0.0) -> Metric:
    return Metric(key, heading, about, places=4, margin=margin, span=(0, 1))


_MAP = _share("map", "MAP", "Mean average precision of the full rankings.", margin=0.002)

_EXPLAINED = Metric(
    "explained",
    "explained",
    "Percentage of the targets' variance that the pooling explains, at sizes seen in training; "
    "negative where a constant is better.",
    places=1,
    interval="student",
    margin=0.5,
    span=(-math.inf, 100),
)


def _rmse(key: str, over: str, what: str) -> Metric:
    return Metric(
        key,
        "RMSE",
        f"Root mean squared error over sets and dimensions, at sizes {what} in training.",
        over=over,
        places=4,
        better="lower",
        interval="student",
        margin=0.01,
        short=f"{over} RMSE",
        span=(0, math.inf),
    )


RECALLS = tuple(metric.key for metric in _RECALLS)
"""Keys of the six recalls, image to text first."""

METRICS: Mapping[TaskName, tuple[Metric, ...]] = {
    "retrieval": (
        *_RECALLS,
        _RSUM,
        *(_rank(side, "medr", "MedR", "Median", 0) for side in _RETRIEVING),
        *(_rank(side, "meanr", "MeanR", "Mean", 1) for side in _RETRIEVING),
    ),
    "annotation": (
        *(
            _share(f"p_at_{k}", f"P@{k}", f"Share of positives among the first {k} labels.")
            for k in LABEL_DEPTHS
        ),
        *(
            _share(
                f"r_at_{k}", f"R@{k}", f"Share of an image's positives among the first {k} labels."
            )
            for k in LABEL_DEPTHS
        ),
        _MAP,
        _share("auc", "AUC", "Share of (positive, negative) pairs in order."),
    ),
    "patterns": (
        _EXPLAINED,
        _rmse("rmse", "seen", "seen"),
        _rmse("rmse_unseen", "unseen", "not seen"),
    ),
}
"""Metrics of every run, in the order of the rows. A new metric is an entry here, and a
value under its key where the task's metrics are computed.
"""

HEADLINE: Mapping[TaskName, Metric] = {
    "retrieval": _RSUM,
    "annotation": _MAP,
    "patterns": _EXPLAINED,
}
"""The dev metric that tells how soon a run arrives and, unless a protocol says otherwise, selects
the best model; higher is better.
"""

_WITHIN = (
    _recall("t2t", 1, "captions that retrieve another caption of their image"),
    _recall("i2i", 1, "images that retrieve a matching image"),
)
_NAMED = {
    metric.key: metric
    for metric in (*(m for each in METRICS.values() for m in each), *_WITHIN, *IN_FOLDS.values())
}


def keys(task: TaskName) -> tuple[str, ...]:
    """The keys of a task's metrics."""
    return tuple(metric.key for metric in METRICS[task])


def named(key: str) -> Metric:
    """The metric of a published figure; one with the key alone if vsebench has no such metric."""
    return _NAMED.get(key) or Metric(key, key.upper(), "", better=None)
