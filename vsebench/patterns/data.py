"""The data set `patterns`: sets that are drawn where they are needed, and what is to be learnt of
them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from vsebench.plugin import Key

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import torch
    from torch import Tensor

    from vsebench.patterns.sets import Sets
    from vsebench.plugin.metrics import TaskName

SEEN = range(20, 101)
"""Sizes of the sets in training."""

UNSEEN = (*range(10, 20), *range(101, 121))
"""Sizes that training never has: smaller and larger ones."""

RANGES: Mapping[str, Sequence[int]] = {"seen": SEEN, "unseen": UNSEEN}
"""The sizes that a split is tested with, apart."""


@dataclass(frozen=True)
class PatternSplit:
    """What a split has.

    Attributes:
        sets: number of sets of each range; None of training, which draws new ones at every step.
        ranges: sizes by the name of their range.
    """

    sets: int | None
    ranges: Mapping[str, Sequence[int]]


@dataclass(frozen=True)
class PatternsData:
    """An opened set.

    Attributes:
        pattern: key in `sets.WEIGHTS` of what is to be learnt.
        dim: size D of the vectors.
        splits: `train`, `dev` and `test`.
        warnings: none.
    """

    task: ClassVar[TaskName] = "patterns"

    pattern: str
    dim: int
    splits: Mapping[str, PatternSplit]
    warnings: tuple[str, ...] = ()

    def batch(self, count: int, generator: torch.Generator) -> Sets:
        """New sets to train on."""
        from vsebench.patterns.sets import draw

        return draw(count, SEEN, self.dim, generator)

    def sets(self, split: str, name: str) -> Sets:
        """The sets of dev or test whose sizes are of a range: the same for every run."""
        from vsebench.patterns.sets import drawn

        part = self.splits[split]
        assert part.sets is not None
        return drawn(part.sets, part.ranges[name], self.dim, Key(0) / split)

    def target(self, sets: Sets) -> Tensor:
        """What a pooling is to return for `sets`, [B, D]."""
        from vsebench.patterns.sets import target

        return target(self.pattern, sets)


class Patterns:
    """Sets of standard normal vectors, and a pattern to reproduce.

    Args:
        pattern: key in `sets.WEIGHTS`.
        dim: size of the vectors.
        sets: sets of each range of sizes in dev and in test.
    """

    def __init__(self, pattern: str = "avg", dim: int = 16, sets: int = 1000) -> None:
        self.pattern = pattern
        self.dim = dim
        self.tested = sets

    def files(self, root: Path) -> list[Path]:  # noqa: ARG002  # its options identify it
        return []

    def load(self, root: Path) -> PatternsData:  # noqa: ARG002  # nothing lies on disk
        splits = {
            "train": PatternSplit(None, {"seen": SEEN}),
            "dev": PatternSplit(self.tested, RANGES),
            "test": PatternSplit(self.tested, RANGES),
        }
        return PatternsData(self.pattern, self.dim, splits)
