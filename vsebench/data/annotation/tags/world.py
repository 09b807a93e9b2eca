"""What labels there are: how frequent they are, and under which topics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from vsebench.data.annotation.tags.options import Options

TOPICS = 32
SPREAD = 2.5
"""Standard deviation of the log of a topic's factor on a label's frequency."""


@dataclass(frozen=True, eq=False)
class World:
    """The topics.

    Attributes:
        cumulative: float64 [TOPICS * labels]: k plus the cumulative distribution of topic k over
            labels, one topic after the other, so that one binary search serves all topics.
        labels: number of labels.
    """

    cumulative: np.ndarray
    labels: int

    @classmethod
    def of(cls, options: Options) -> World:
        """The topics over a Zipf law with exponent 1; which label has which frequency is drawn."""
        rng = options.key("world").generator()
        frequency = 1.0 / (1.0 + rng.permutation(options.labels))
        cumulative = np.empty((TOPICS, options.labels))
        for topic, row in enumerate(cumulative):
            np.cumsum(frequency * np.exp(SPREAD * rng.standard_normal(options.labels)), out=row)
            row /= row[-1]
            row += topic
        return cls(cumulative.reshape(-1), options.labels)

    def probabilities(self) -> np.ndarray:
        """float64 [TOPICS, labels], the distribution of each topic."""
        rows = self.cumulative.reshape(TOPICS, self.labels) - np.arange(TOPICS)[:, None]
        return np.diff(rows, axis=1, prepend=0.0)

    def draw(self, topics: np.ndarray, uniform: np.ndarray) -> np.ndarray:
        """A label of each topic.

        Args:
            topics: integers [n].
            uniform: float64 [n] in [0, 1).

        Returns:
            int64 [n].
        """
        found = np.searchsorted(self.cumulative, topics + uniform, side="right")
        last = topics * self.labels + self.labels - 1
        label: np.ndarray = np.minimum(found, last) - topics * self.labels
        return label
